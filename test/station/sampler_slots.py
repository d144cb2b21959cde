# The sampler and the station's wait in the chip's ticks, which wrap in every run here: what is
# taken at each interval, what a lost append counts, and what a reading leaves on the heap.
import gc
import json
import sys

from ticks import PERIOD, Ticks


class Time(Ticks):
    def ticks_us(self):
        return self.now * 1000 % PERIOD

    def sleep_ms(self, ms):
        self.pass_ms(ms)

    def sleep_us(self, us):
        pass


time = sys.modules["time"] = Time()

import bmp180
import config
import queue
import sampler
import station
import store
from clock import Clock
from status import Status

import esp32
import machine

WALL = 200000000


class Loop:
    """The part of the station that waits and samples."""

    _wait = station.Station._wait
    _has_thread = True

    def __init__(self, interval, started):
        time.now = started
        machine.I2C._am2320 = machine._Am2320()  # the last one's sleep was in another time
        settings = config.check({"sample_interval": interval})[0]
        self.queue = queue.Queue(store.PartitionStore(esp32.Partition(esp32.Flash(8))))
        self.queue.start(1, interval * 1000)
        self.clock = Clock()
        self.status = Status("x", "0", 1, 1)
        self.sampler = sampler.Sampler(settings, self.clock, self.queue, self.status, lambda text: None)
        self.asked = []
        read = self.sampler._air.read

        def noted():
            self.asked.append(time.now)
            return read()

        self.sampler._air.read = noted

    def _feed(self):
        pass

    def turn(self):
        self._wait()
        self.sampler.sample()


def intervals(seconds):
    loop = Loop(seconds, PERIOD - 40500)
    loop.sampler.check()
    without = 0
    for i in range(40):
        loop.turn()
        without += loop.sampler._air.temperature is None
        time.pass_ms(i * 37 % 300)  # what comes behind a reading takes its time
    gaps = [time.ticks_diff(b, a) for a, b in zip(loop.asked, loop.asked[1:])]
    loop.clock.offer(WALL, 0, time.now)
    loop.turn()
    loop.queue.begin()
    stamps = []
    while loop.queue.next():
        stamps.append(loop.queue.s * 1000 + loop.queue.ms)
    steps = [b - a for a, b in zip(stamps, stamps[1:])]
    print(json.dumps({"name": "interval", "seconds": seconds, "without": without,
                      "least_gap": min(gaps), "most_gap": max(gaps), "records": len(stamps),
                      "steps": sorted(set(steps)), "missed": loop.sampler.slots.missed}))


for seconds in (2, 3, 4, 5, 10):
    intervals(seconds)

# The loop was held beyond the moment to ask: no two questions within two seconds.
loop = Loop(10, 0)
loop.sampler.check()
loop.turn()
time.pass_ms(9000)
loop.turn()
print(json.dumps({"name": "held", "gap": time.ticks_diff(loop.asked[-1], loop.asked[-2]),
                  "stale": loop.sampler._air.temperature is None}))

# Flash that refuses: what was taken is counted as lost.
loop = Loop(2, 0)
loop.sampler.check()
sound = loop.queue.store.write
for i in range(30):
    def refuse(page, offset, buf):
        raise OSError(-261)

    loop.queue.store.write = refuse if 10 <= i < 15 else sound
    loop.turn()
loop.queue.store.write = sound
loop.clock.offer(WALL, 0, time.now)
loop.turn()
loop.queue.begin()
read = 0
while loop.queue.next():
    read += 1
print(json.dumps({"name": "refused", "taken": loop.sampler.taken, "dropped": loop.queue.dropped,
                  "queued": loop.queue.queued(), "read": read}))


class Canned:
    """Both sensors, answering always the same and leaving nothing on the heap themselves."""

    air = b"\x03\x04\x01\xf4\x00\xfa\x31\xa5"

    def writeto(self, address, data):
        return len(data)

    def writeto_mem(self, address, register, data):
        pass

    def readfrom_into(self, address, buf):
        i = 0
        while i < 8:
            buf[i] = self.air[i]
            i += 1

    def readfrom_mem_into(self, address, register, buf):
        buf[0] = 0x6D if len(buf) == 2 else 0x9D
        buf[1] = 0x0A


loop = Loop(2, PERIOD - 300000)
del loop.sampler._air.read
s = loop.sampler
s._air.i2c = s._case.i2c = Canned()
s._case._cal = (408, -72, -14383, 32741, 32757, 23153, 6190, 4, -32768, -8711, 2868)
s.check()
loop.clock.offer(WALL, 0, time.now)
for _ in range(20):
    loop.turn()
page = loop.queue.end.page
gc.collect()
gc.disable()
before = gc.mem_alloc()
i = 0
while i < 300:
    loop.turn()
    i += 1
left = gc.mem_alloc() - before
print(json.dumps({"name": "heap", "left": left, "pages": loop.queue.end.page - page,
                  "taken": s.taken, "wrapped": time.now < PERIOD // 2}))
