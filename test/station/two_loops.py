# The same network side both ways: in a thread of its own, or stepped between two readings. Records
# are taken every 10 ms of real time and go to a gateway. Arguments: URL, password, how many, and
# "thread" or "steps".
import json
import sys
import time

import net
import queue
import status
import store
import upload
import uplink

import esp32

url, password, total, way = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
WALL = 210000000
_EVERY_MS = 10


class Clock:
    def now(self):
        return WALL + 10000000, 0

    def uptime(self):
        return 1

    def state(self):
        return "ntp"


class Wifi:
    is_joined = True
    is_open = False

    def run(self):
        while True:
            yield

    def address(self):
        return "10.0.0.2"

    def rssi(self):
        return -60


class Led:
    def show(self, state):
        pass


class TimeServers:
    def __init__(self, *_):
        pass

    def sync(self, clock, known):
        yield
        return True


class Station:
    fault = None
    clock = Clock()
    wifi = Wifi()

    def tls(self):
        return "off"

    def worked(self):
        pass

    def crashed(self, error):
        self.fault = error


net.Ntp = TimeServers
station = Station()
station.status = status.Status("st-1", "0", 1, 1)
station.queue = q = queue.Queue(store.PartitionStore(esp32.Partition(esp32.Flash(16))))
q.start(1, 2000)
q.set_clock(1, 0, WALL, 0)
config = {
    "timebase_url": url, "tls": "verified", "batch": 7, "connect_timeout": 5, "answer_timeout": 30,
    "auth": "password", "username": "admin", "password": password, "stream": "weather_record",
    "status_stream": "station_status", "upload_interval": 0, "status_interval": 1,
    "ntp_servers": ["a"], "ntp_timeout": 1, "ntp_refresh": 60,
}
link = uplink.Uplink(config, "st-1")
up = upload.Upload(station, config, "st-1", link, lambda text: None)
side = net.Net(station, station.wifi, up, Led(), config, lambda text: None)
if way == "thread":
    import _thread

    _thread.start_new_thread(side.loop, ())


def rest(until):
    while True:
        left = time.ticks_diff(until, time.ticks_ms())
        if left <= 0:
            return
        time.sleep_ms(left if way == "thread" else min(left, side.step()))


due = time.ticks_ms()
for i in range(total):
    due = time.ticks_add(due, _EVERY_MS)
    rest(due)
    q.append(WALL + 2 * i, 0, 200 + i % 2, 500, 210, 90001 + i)
began = time.ticks_ms()
while q.queued() and not station.fault and time.ticks_diff(time.ticks_ms(), began) < 30000:
    rest(time.ticks_add(time.ticks_ms(), 20))
side.stop = True
if station.fault:
    sys.print_exception(station.fault)
print(json.dumps({"queued": q.queued(), "errors": station.status.upload_errors, "sent": up.sent}))
