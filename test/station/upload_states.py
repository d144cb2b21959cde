# Uploads and reports over days of outages and faults: the real queue, status and network side, a
# clock moved by hand, and a server that answers what it is told to.
import json
import os

import http
import net
import queue
import status
import store
import upload

import esp32
from ticks import Ticks

ticks = Ticks()
for module in (net, upload, status):
    module.time = ticks
WALL = 210000000


class Clock:
    is_known = True
    passed_ms = 0

    def now(self):
        return (WALL + self.passed_ms // 1000, self.passed_ms % 1000) if self.is_known else None

    def uptime(self):
        return self.passed_ms // 1000

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


class Server:
    """Uplink's side that Upload sees; stream by stream what it answers."""

    batch = 5
    error = ""
    is_unclear = False
    refuse = ()

    def __init__(self):
        self.http = self
        self.out = bytearray(http.HEAD + 1536)
        self.says = {}
        self.taken = []
        self.tries = []

    def sign_in(self):
        yield
        return "ok"

    def last(self, stream):
        yield
        return "ok", None

    def write(self, stream, size, refusals):
        yield
        self.tries.append((stream, clock.passed_ms // 1000))
        refusals.begin()
        state = self.says.get(stream, "ok")
        if state == "ok":
            records = json.loads(bytes(self.out[http.HEAD : http.HEAD + size]).decode())
            self.taken += [(stream, record) for record in records]
            if stream in self.refuse:
                for record in records:
                    stamp = record["timestamp"].replace("T", " ")[:23]
                    refusals.out_of_order += 1
                    refusals.samples.append("Message %s %s GMT is out of sequence (< x)" % (record["symbol"], stamp))
                refusals.samples = refusals.samples[:4]
        return state


class Asker:
    asked = []

    def __init__(self, *_):
        pass

    def sync(self, clock, known):
        yield
        Asker.asked.append(clock.passed_ms // 1000)
        return True


net.Ntp = Asker


class Slots:
    """Readings every 2 s, by the same clock."""

    def left(self, now):
        return 2000 - clock.passed_ms % 2000 - self.taken_ms

    taken_ms = 0


class Sampler:
    slots = Slots()


class Station:
    sampler = Sampler()

    def tls(self):
        return "off"

    def worked(self):
        pass


def begin():
    global clock, station, server, side, taken
    clock = Clock()
    station = Station()
    station.clock = clock
    station.wifi = Wifi()
    station.status = status.Status("st-1", "0.1.0", 3, 1)
    station.status.refused_log = os.getcwd() + "/refused.txt"
    station.queue = queue.Queue(store.PartitionStore(esp32.Partition(esp32.Flash(16))))
    station.queue.start(1, 2000)
    station.queue.set_clock(1, 0, WALL, 0)
    config = {
        "sample_interval": 2, "ntp_servers": ["a"], "ntp_timeout": 1, "ntp_refresh": 432000, "upload_interval": 10,
        "status_interval": 60, "stream": "weather", "status_stream": "state",
    }
    server = Server()
    up = upload.Upload(station, config, "st-1", server, lambda text: None)
    side = net.Net(station, station.wifi, up, Led(), config, lambda text: None)
    taken = 0
    Asker.asked = []


def take():
    global taken
    taken += 1
    station.queue.append(WALL + clock.passed_ms // 1000, 0, 200, 500, 210, 90000 + taken)


def live(seconds, step_ms=1000, sample=True):
    passed = 0
    while passed < seconds * 1000:
        side.step()
        ticks.pass_ms(step_ms)
        clock.passed_ms += step_ms
        passed += step_ms
        if sample and passed % 10000 == 0:
            take()


def told(stream="state"):
    return [record for name, record in server.taken if name == stream]


def seconds(stream, since=0):
    return [s - since for name, s in server.tries if name == stream and s >= since]


# Nine days without Wi-Fi: the chip's ticks tell apart no more than six.
begin()
live(60)
station.wifi.is_joined = False
server.taken = []
server.tries = []
live(9 * 86400, 300000, False)
take()
station.wifi.is_joined = True
back = clock.passed_ms // 1000
live(5, 100, False)
print(json.dumps({"name": "outage", "left": station.queue.queued(), "late": seconds("weather", back)[0],
                  "ntp": Asker.asked[-1] - back}))

# What happened meanwhile is told afterwards, minute by minute.
begin()
live(30)
station.wifi.is_joined = False
live(300)
station.status.fault("am2320 silent")
live(30)
station.wifi.is_joined = True
server.taken = []
live(20)
print(json.dumps({"name": "meanwhile", "errors": [one["last_error"] for one in told()],
                  "uptimes": [one["uptime"] for one in told()[:6]]}))

# Faults before the clock is known: each has its record.
begin()
clock.is_known = False
for text in ("config corrupt", "OSError: 28", "config corrupt", "third", "fourth", "fifth", "sixth"):
    station.status.fault(text)
live(5)
clock.is_known = True
live(80)
print(json.dumps({"name": "faults", "errors": [one["last_error"] for one in told()],
                  "stamps": len(set(one["timestamp"] for one in told()))}))

# The records cannot be stored, and the state says so.
for state in ("stream", "forbidden", "path", "answer", "future", "network", "server", "portal"):
    begin()
    server.says["weather"] = state
    take()
    if state == "future":
        station.queue.append(WALL + 9000, 0, 200, 500, 210, 90000)
    live(15, 1000, False)
    errors = [one["last_error"] for one in told()]
    print(json.dumps({"name": "data " + state, "errors": errors}))

# Patience grows with each failure in a row, by what has failed, and is gone with the first success.
for state in ("network", "server", "stream", "forbidden", "portal", "answer"):
    begin()
    server.says = {"weather": state, "state": state}
    take()
    live(3000, 1000, False)
    at = seconds("weather")
    pauses = [b - a for a, b in zip(at, at[1:])]
    server.says = {}
    live(1000, 1000, False)
    left = station.queue.queued()
    take()
    server.says = {"weather": state}
    began = clock.passed_ms // 1000
    live(200, 1000, False)
    at = seconds("weather", began)
    print(json.dumps({"name": "pauses " + state, "pauses": pauses[:7], "left": left,
                      "again": at[1] - at[0], "tried": len(pauses)}))

# The server has no stream for the state: the weather goes on, and few tries are made.
for state in ("stream", "forbidden"):
    begin()
    server.says["state"] = state
    live(3600, 2000)
    print(json.dumps({"name": "no state " + state, "taken": taken - station.queue.queued() >= taken - 1,
                      "tries": len(seconds("state")), "errors": station.status.upload_errors}))
    server.says = {}
    live(4000, 10000, False)
    print(json.dumps({"name": "state again " + state, "told": len(told()) > 2}))

# A symbol that is blocked: all is counted, some is kept, the flash is spared.
begin()
server.refuse = ("weather",)
live(3600, 2000)
with open(station.status.refused_log) as file:
    lines = file.read().strip().split("\n")
record, reason = lines[0].split("} ", 1)
print(json.dumps({"name": "refused", "counted": station.status.refused == taken - station.queue.queued(),
                  "lines": len(lines) <= 4 * 7, "record": json.loads(record + "}"), "reason": reason,
                  "told": len(told()) < 80}))
begin()
server.refuse = ("state",)
live(3600, 2000)
print(json.dumps({"name": "state refused", "tries": len(seconds("state"))}))

# Without a thread, what stands still waits for the moment after a reading, but not for ever.
begin()
moments = []
for taken_ms, start in ((0, 900), (0, 100), (600, 900)):
    Slots.taken_ms = taken_ms
    clock.passed_ms = start
    for _ in side.calm(1600):
        ticks.pass_ms(50)
        clock.passed_ms += 50
    moments.append(clock.passed_ms)
print(json.dumps({"name": "calm", "moments": moments}))

# Texts that swell in JSON: what is sent is as long as it says.
begin()
station.status.fault("\x01" * 120)
station.status.snapshot(station)
room = len(server.out)
size = station.status.write_body(server.out, http.HEAD)
body = json.loads(bytes(server.out[http.HEAD : http.HEAD + size]).decode())
print(json.dumps({"name": "swollen", "grown": len(server.out) - room, "boot": body[0]["boot"]}))
