# A queue that moves from files into a partition of another size. `write FOLDER PAGES`: leaves a
# queue in files, as a station without the partition does. `read FILE`: starts the queue on the
# partition in that file, tells what it finds, and goes on.
import json
import os
import sys

import queue
import store

import esp32

WALL = 200000000
RECORDS = 4000


def write(folder, pages):
    q = queue.Queue(store.FileStore(folder, pages))
    q.start(1, 2000)
    q.set_clock(1, 0, WALL, 0)
    for i in range(RECORDS):
        q.append(WALL + 2 * i + 2, 0, 200 + i * 7 % 30, 500, 210, 90000 + i)
        if i == RECORDS // 2:
            q.begin()
            while q.at.seq < RECORDS // 3 and q.next():
                pass
            q.ack(q.at.seq)
    q.flush()
    q.store._close()
    return {"files": len(os.listdir(folder)), "acked": q.acked(), "dropped": q.dropped}


def found(q):
    q.begin()
    out = []
    while q.next():
        out.append(q.at.p - 90000)
    return {"first": out[0], "last": out[-1], "count": len(out), "damaged": q.at.damaged}


def read(path):
    size = os.stat(path)[6]
    flash = esp32.Flash(size // 4096)
    with open(path, "rb") as file:
        for page in flash.data:
            file.readinto(page)
    q = queue.Queue(store.PartitionStore(esp32.Partition(flash)))
    q.start(2, 2000)
    q.set_clock(1, 0, WALL + 100000, 0)
    before = found(q)
    q.append(WALL + 100002, 0, 200, 500, 210, 90000 + RECORDS)
    return {"before": before, "after": found(q), "acked": q.acked()}


print(json.dumps(write(sys.argv[2], int(sys.argv[3])) if sys.argv[1] == "write" else read(sys.argv[2])))
