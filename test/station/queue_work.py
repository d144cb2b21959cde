# What a start and the first reads cost in flash reads, on a log that a week has filled. Counted and
# not timed: on the chip a read and the look at what it brought take about a millisecond.
import json

import cursor
import log
import queue
import store

import esp32

# Small pages make a week of pages cheap to fill.
PAGE = 384
cursor.PAGE = log.PAGE = store.PAGE = esp32.PAGE = PAGE
PAGES = 448
WALL = 200000000


class Lock:
    held = False

    def acquire(self):
        Lock.held = True

    def release(self):
        Lock.held = False


class Counting(esp32.Partition):
    reads = held = 0

    def readblocks(self, block, buf, offset=0):
        Counting.reads += 1
        Counting.held += Lock.held
        super().readblocks(block, buf, offset)


def boot(flash, number):
    q = queue.Queue(store.PartitionStore(Counting(flash)))
    q._lock = Lock()
    q.start(number, 2000)
    return q


def reads_of(call):
    """(what it returned, how often flash was read, how often while the sampler had to wait)."""
    reads, held = Counting.reads, Counting.held
    got = call()
    return got, Counting.reads - reads, Counting.held - held


def blank():
    flash = esp32.Flash(0)
    flash.data = [bytearray(b"\xff" * PAGE) for _ in range(PAGES)]
    flash.erases = [0] * PAGES
    return flash


def fill(q, zero, count):
    for i in range(count):
        q.append(zero + 2 * i + 2, 0, 200 + i % 2, 500 + i % 3, 210, 95000 + i % 50)


def read_first(flash, number):
    """A reboot: what start(), and what every next() up to the first record costs."""
    holder = []
    _, start, _ = reads_of(lambda: holder.append(boot(flash, number)))
    q = holder[0]
    q.set_clock(5, 0, WALL + 10000000, 0)
    q.append(WALL + 10000002, 0, 1, 2, 3, 80000)
    worst = held = calls = 0
    found = False
    while not found and calls < 1000:
        q.begin()
        found, reads, waited = reads_of(q.next)
        worst, held, calls = max(worst, reads), max(held, waited), calls + 1
    return {"pressure": q.at.p, "start": start, "next": worst, "held": held, "calls": calls}


def show(name, result):
    result["name"] = name
    print(json.dumps(result))


flash = blank()
q = boot(flash, 1)
q.set_clock(1, 0, WALL, 0)
fill(q, WALL, 40000)
q.begin()
q.next()
q.ack(q.end.seq - 3)
result = read_first(flash, 2)
show("acknowledged", result)

# Nothing but one boot that never had a clock, over every page.
flash = blank()
fill(boot(flash, 1), 0, 30000)
result = read_first(flash, 2)
show("unset", result)

# Many short ones: each page has to be read, in portions.
flash = blank()
for number in range(1, 1500):
    fill(boot(flash, number), 0, 12)
result = read_first(flash, 1500)
show("short", result)

# And then all of them, as an uploader would: each boot follows from the one before it.
q = boot(flash, 1501)
q.set_clock(5, 0, WALL + 20000000, 0)
reads = Counting.reads
records = rounds = 0
last = -1
while q.queued() and rounds < 5000:
    rounds += 1
    q.begin()
    number = 0
    while number < 50 and q.next():
        if q.s * 1000 + q.ms <= last:
            raise AssertionError("stamps go back")
        last = q.s * 1000 + q.ms
        number += 1
        behind = q.at.seq
    if number:
        q.ack(behind)  # at itself may stand behind one whose time is not known yet
        records += number
show("drained", {"records": records, "lost": q.dropped + q.damaged(), "rounds": rounds, "reads": Counting.reads - reads})
