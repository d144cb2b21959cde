# Catching up after an outage, in real time: a full log goes to a gateway while readings go on, both
# in one loop, as where there are no threads. Arguments: a file for the flash, URL, password, how
# many records.
import gc
import json
import sys
import time

import file_flash
import queue
import upload
import uplink
from sampler import Slots
from status import Status

WALL = 200000000
# Often, for many figures of lateness; a reading itself takes the sensors' time, not ours.
SLOT_MS = 40
path, url, password, total = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])


class Clock:
    def now(self):
        return WALL + 10000000, 0


class Wifi:
    is_joined = True


class Station:
    clock = Clock()
    wifi = Wifi()

    def worked(self):
        pass


status = Status("st-1", "0", 1, 1)
status.snapshot = lambda station: None
station = Station()
station.status = status
station.queue = q = queue.Queue(file_flash.FileFlash(path))
q.start(1, 2000)
q.set_clock(1, 0, WALL, 0)
for i in range(total):
    q.append(WALL + 2 * i, 0, 200 + i % 2, 500, 210, 90000 + i % 50)
settings = {
    "timebase_url": url, "tls": "verified", "batch": 50, "connect_timeout": 5, "answer_timeout": 30,
    "auth": "password", "username": "admin", "password": password, "stream": "weather_record",
    "status_stream": "", "upload_interval": 10, "status_interval": 3600,
}
up = upload.Upload(station, settings, "st-1", uplink.Uplink(settings, "st-1"), lambda text: None)
task = up.run()
late = []
gc.collect()
gc.disable()
began = time.ticks_ms()
slots = Slots(SLOT_MS, began)
readings = 0
while q.queued() and time.ticks_diff(time.ticks_ms(), began) < 60000:
    is_busy = next(task)
    now = time.ticks_ms()
    if slots.left(now) <= 0:
        late.append(time.ticks_diff(now, slots.take(now)))
        q.append(WALL + 2 * (total + readings), 0, 200, 500, 210, 90000)
        readings += 1
        if gc.mem_alloc() > 3 * gc.mem_free():
            gc.collect()
    time.sleep_ms(min(max(slots.left(time.ticks_ms()), 0), 3 if is_busy else 50))
passed = time.ticks_diff(time.ticks_ms(), began)
late.sort()
gc.collect()
print(json.dumps({"sent": up.sent, "queued": q.queued(), "errors": status.upload_errors, "ms": passed,
                  "readings": readings, "p99_ms": late[len(late) * 99 // 100], "free": gc.mem_free()}))
