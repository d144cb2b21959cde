# A queue that moves between files and a partition, of another size too. `write FOLDER PAGES`: leaves
# a queue in files, as a station without the partition does; `fill FILE PAGES`: one in a partition.
# `read FILE` and `open FOLDER PAGES`: starts the queue on what was moved, tells what it finds, and
# goes on.
import json
import os
import sys

import queue
import store

import esp32

WALL = 200000000
RECORDS = 4000


def leave(q):
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
    return {"acked": q.acked(), "dropped": q.dropped}


def write(folder, pages):
    q = queue.Queue(store.FileStore(folder, int(pages)))
    told = leave(q)
    q.store._close()
    return told


def fill(path, pages):
    flash = esp32.Flash(int(pages))
    told = leave(queue.Queue(store.PartitionStore(esp32.Partition(flash))))
    with open(path, "wb") as file:
        for page in flash.data:
            file.write(page)
    return told


def found(q):
    q.begin()
    out = []
    while q.next():
        out.append(q.at.p - 90000)
    return {"first": out[0], "last": out[-1], "count": len(out), "damaged": q.at.damaged}


def go_on(q):
    q.start(2, 2000)
    q.set_clock(1, 0, WALL + 100000, 0)
    before = found(q)
    q.append(WALL + 100002, 0, 200, 500, 210, 90000 + RECORDS)
    return {"before": before, "after": found(q), "acked": q.acked()}


def read(path):
    size = os.stat(path)[6]
    flash = esp32.Flash(size // 4096)
    with open(path, "rb") as file:
        for page in flash.data:
            file.readinto(page)
    return go_on(queue.Queue(store.PartitionStore(esp32.Partition(flash))))


def open_files(folder, pages):
    return go_on(queue.Queue(store.FileStore(folder, int(pages))))


verbs = {"write": write, "fill": fill, "read": read, "open": open_files}
print(json.dumps(verbs[sys.argv[1]](*sys.argv[2:])))
