# Partitions that the queue has written, sound and hurt in several ways, each as a file, with what
# went in and what the queue itself reads from it: queue-log.ts must read the same.
import json
import random
import sys

import queue
import store

import esp32

PAGES = 6
WALL = 200000000
folder = sys.argv[1]


class Station:
    def __init__(self):
        self.flash = esp32.Flash(PAGES)
        self.boots = 0
        self.wrote = []  # [number, t, h, c, p] of every record, in order

    def boot(self):
        self.boots += 1
        self.queue = queue.Queue(store.PartitionStore(esp32.Partition(self.flash)))
        self.queue.start(self.boots, 2000)
        self.up = self.zero = 0

    def set_clock(self, wall):
        self.zero = wall - self.up
        self.queue.set_clock(self.up, 250, wall, 250)

    def append(self, count, jitter=0, wild=False):
        for i in range(count):
            self.up += 2
            n = len(self.wrote)
            t = random.randint(-2047, 2047) if wild else 200 + n % 2
            h = None if n % 37 == 5 else 500 + n % 3
            c = None if n % 11 == 10 else 210 - n % 2
            p = None if n % 53 == 7 else 95000 + n % 100
            ms = 250 + random.randint(-jitter, jitter)
            self.queue.append(self.zero + self.up, ms, t, h, c, p)
            self.wrote.append([n, t, h, c, p])

    def upload(self, limit):
        q = self.queue
        q.begin()
        got = 0
        while got < limit and q.next():
            got += 1
        if got:
            q.ack(q.at.seq)


def scripted():
    station = Station()
    station.boot()
    station.append(20)
    station.set_clock(WALL)
    station.append(300, 90)
    station.upload(150)
    station.append(60, 200, True)
    station.boot()
    station.append(45, 9)  # its clock is never set
    station.boot()
    station.append(10)
    station.set_clock(WALL + 7200)
    station.append(3000, 40)
    station.upload(40)
    station.append(600, 20, True)
    station.boot()
    station.append(25, 3)  # nor is that of the last
    return station


def early():
    """Three boots without a clock before the first that has one."""
    station = Station()
    for _ in range(3):
        station.boot()
        station.append(30, 5)
    station.boot()
    station.append(4)
    station.set_clock(WALL)
    station.append(15)
    return station


def read(flash, boot):
    again = esp32.Flash(PAGES)
    for i in range(PAGES):
        again.data[i][:] = flash.data[i]
    q = queue.Queue(store.PartitionStore(esp32.Partition(again)))
    q.start(boot, 2000)
    q.set_clock(5, 0, WALL + 1000000, 0)
    acked = q.acked()
    q.begin()
    out = []
    while q.next():
        out.append([q.at.seq - 1, q.s * 1000 + q.ms, q.at.t, q.at.h, q.at.c, q.at.p])
    return out, acked, q.at.damaged


def show(name, station):
    with open(folder + "/" + name + ".bin", "wb") as file:
        for page in station.flash.data:
            file.write(page)
    read_back, acked, damaged = read(station.flash, station.boots + 1)
    wrote = station.wrote
    print(
        json.dumps(
            {"name": name, "wrote": wrote, "read": read_back, "acked": acked, "damaged": damaged}
        )
    )


def head(station):
    w = station.queue.end
    return station.flash.data[w.page % PAGES], w.off


random.seed(7)
show("sound", scripted())
show("early", early())

# The last record, whose write the power cut ended after two bytes.
station = scripted()
page, off = head(station)
station.append(1)
for i in range(off + 2, 4096):
    page[i] = 0xFF
station.wrote.pop()
show("torn", station)

station = scripted()
page = station.flash.data[(station.queue.end.page - 1) % PAGES]
page[2000] ^= 4
show("flipped", station)

for seed in range(8):
    random.seed(seed)
    station = scripted()
    for _ in range(12):
        data = station.flash.data[random.randint(0, PAGES - 1)]
        data[random.randint(0, 4095)] ^= 1 << random.randint(0, 7)
    if seed % 2:
        data = station.flash.data[random.randint(0, PAGES - 1)]
        for i in range(4096):
            data[i] = random.getrandbits(8)
    show("hurt%d" % seed, station)
