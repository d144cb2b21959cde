# The uploader alone against a server whose connections break: records go in, all arrive, once.
# Arguments: URL, password, how many records.
import json
import sys
import time

import queue
import store
import upload
import uplink

import esp32

# The proxy lets nothing break before the server is done with it.
upload._SETTLE_MS = 0
for state in uplink.BACKOFF:
    uplink.BACKOFF[state] = (0, 0)
url, password, total = sys.argv[1], sys.argv[2], int(sys.argv[3])
WALL = 210000000
BATCH = 3


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
    "timebase_url": url, "tls": "verified", "batch": BATCH, "connect_timeout": 5, "answer_timeout": 5,
    "auth": "password", "username": "admin", "password": password, "stream": "weather_record",
    "status_stream": "", "upload_interval": 0, "status_interval": 3600,
}
link = uplink.Uplink(config, "st-1")
up = upload.Upload(station, config, "st-1", link, lambda text: None)
task = up.run()
number = 0
began = time.ticks_ms()
while (number < total or q.queued()) and time.ticks_diff(time.ticks_ms(), began) < 240000:
    # Batches are full, so that each has the same length and every byte of it its turn.
    while number < total and q.queued() < BATCH:
        number += 1
        q.append(WALL + 2 * number, 0, 200, 500, 210, 90000 + number)
    if next(task):
        time.sleep_us(50)  # the server's turn
print(json.dumps({"taken": number, "queued": q.queued(), "refused": station.status.refused,
                  "errors": station.status.upload_errors, "connects": link.http.connects}))
