# How many bytes a record takes, how often flash is erased, and what a start costs.
import gc
import json
import time

import queue
import store

import esp32
import world

WALL = 200000000
PAGES = 40


def fill(count, values, ack_every=5):
    flash = esp32.Flash(PAGES)
    q = queue.Queue(store.PartitionStore(esp32.Partition(flash)))
    q.start(1, 2000)
    q.set_clock(1, 0, WALL, 0)
    began = time.ticks_us()
    for i in range(count):
        q.append(WALL + 2 * i + 2, 3 if i % 50 == 7 else 0, *values(i))
        if ack_every and i % ack_every == ack_every - 1:
            q.begin()
            while q.next():
                pass
            q.ack(q.at.seq)
    took = time.ticks_diff(time.ticks_us(), began)
    return flash, q, sum(flash.erases), took


def day(i):
    world.seconds = 2 * i
    t, h = world.weather()
    wave = world.seconds % 7200
    p = 100500 + abs(wave - 3600) // 30 + world.random() % 13 - 6
    return t, h, 210 + world.random() % 3 // 2 + wave // 900, p


def worst(i):
    return (800 if i % 2 else -400), (999 if i % 2 else 0), (-400 if i % 2 else 850), (
        30000 if i % 2 else 110000)


count = 20000
flash, q, erases, took = fill(count, day, 0)
used = erases * 4096 - (4096 - q.end.off)
bytes_a_record = used / count
# 302,400 records are a week at 2 s.
week = 302400 * bytes_a_record / 4096
flash, q, erases, took_acked = fill(count, day)
print(json.dumps({"name": "day", "bytes": bytes_a_record, "records_per_erase": count / erases,
                  "week_pages": week, "appends_per_s": count * 1000000 // took}))
count = 10000
flash, q, erases, _ = fill(count, worst, 0)
print(json.dumps({"name": "worst", "bytes": (erases * 4096 - (4096 - q.end.off)) / count}))
del q
gc.collect()
before = gc.mem_alloc()
gc.disable()
began = time.ticks_us()
q = queue.Queue(store.PartitionStore(esp32.Partition(flash)))
q.start(2, 2000)
took = time.ticks_diff(time.ticks_us(), began)
gc.collect()
print(json.dumps({"name": "start", "heap": gc.mem_alloc() - before, "us": took}))
