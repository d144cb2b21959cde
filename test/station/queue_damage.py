# Bit flips and garbage pages: what is damaged is skipped and counted, nothing is invented.
import json
import random

import queue
import store

import esp32

PAGES = 10
WALL = 200000000


def build():
    flash = esp32.Flash(PAGES)
    q = queue.Queue(store.PartitionStore(esp32.Partition(flash)))
    q.start(1, 2000)
    q.set_clock(1, 0, WALL, 0)
    want = []
    p = 95000
    for i in range(4200):
        p += random.randint(-6, 7)
        record = (200 + i % 3, 500 + i % 5, 210, p, (WALL + 2 * i + 2) * 1000)
        q.append(WALL + 2 * i + 2, 0, record[0], record[1], record[2], record[3])
        want.append(record)
    return flash, want


def read(flash):
    q = queue.Queue(store.PartitionStore(esp32.Partition(flash)))
    q.start(2, 2000)
    q.begin()
    out = []
    while q.next():
        out.append((q.at.t, q.at.h, q.at.c, q.at.p, q.s * 1000 + q.ms))
    # Goes on: the station lives with what it finds.
    q.append(3, 0, 1, 2, 3, 80000)
    return q, out


def compare(name, rounds, hurt, least):
    invented = read_least = 0
    read_least = 1 << 30
    for seed in range(rounds):
        random.seed(seed)
        flash, want = build()
        hurt(flash)
        q, out = read(flash)
        known = set(want)
        invented += sum(1 for record in out if record not in known)
        if any(out[i][4] >= out[i + 1][4] for i in range(len(out) - 1)):
            raise AssertionError("order")
        q.begin()
        while q.next():
            pass
        lost = q.at.damaged
        # Behind the last key of the last page nobody can know how many there were.
        if not len(want) - 40 <= len(out) + lost <= len(want):
            raise AssertionError("count: %d read, %d lost of %d" % (len(out), lost, len(want)))
        read_least = min(read_least, len(out))
    if read_least < least:
        raise AssertionError("only %d read" % read_least)
    print(json.dumps({"name": name, "invented": invented, "least_read": read_least}))


def flips(flash):
    for _ in range(20):
        page = random.randint(0, 7)
        flash.data[page][random.randint(60, 4095)] ^= 1 << random.randint(0, 7)


def garbage(flash):
    page = flash.data[random.randint(0, 6)]
    for i in range(4096):
        page[i] = random.getrandbits(8)


compare("flips", 12, flips, 3300)
compare("garbage", 6, garbage, 3000)
