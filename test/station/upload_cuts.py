# The uploader alone against a server whose connections break: records go in, all arrive, once.
import json
import sys
import time

import queue
import store
import upload
import uplink

import esp32

upload._SETTLE_MS = 20
for state in uplink.BACKOFF:
    uplink.BACKOFF[state] = (0, 0)
url, password, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
WALL = 210000000


class Clock:
    def now(self):
        return WALL + 10000000, 0


class Wifi:
    is_joined = True


class Status:
    upload_errors = refused = 0

    def fault(self, text):
        self.text = text

    def due(self):
        pass

    def may_keep(self, s):
        return False

    def snapshot(self, station):
        pass


class Station:
    clock = Clock()
    wifi = Wifi()
    status = Status()

    def worked(self):
        pass


station = Station()
station.queue = q = queue.Queue(store.PartitionStore(esp32.Partition(esp32.Flash(16))))
q.start(1, 2000)
q.set_clock(1, 0, WALL, 0)
config = {
    "timebase_url": url, "tls": "verified", "batch": 5, "connect_timeout": 5, "answer_timeout": 5,
    "auth": "password", "username": "admin", "password": password, "stream": "weather_record",
    "status_stream": "", "upload_interval": 0, "status_interval": 3600,
}
link = uplink.Uplink(config, "st-1")
up = upload.Upload(station, config, "st-1", link, lambda text: None)
task = up.run()
number = 0
for _ in range(rounds):
    for _ in range(3):
        number += 1
        q.append(WALL + 2 * number, 0, 200, 500, 210, 90000 + number)
    # A round may leave what a broken connection held; the next one finds it.
    for _ in range(40):
        next(task)
        time.sleep_us(300)
began = time.ticks_ms()
while q.queued() and time.ticks_diff(time.ticks_ms(), began) < 60000:
    next(task)
    time.sleep_us(300)
print(json.dumps({"taken": number, "queued": q.queued(), "refused": station.status.refused,
                  "errors": station.status.upload_errors, "connects": link.http.connects}))
