# A day of readings in a heap of the chip's size: 43,200 of them with air, queue, clock and the
# reads and acknowledgements of an uploader, the collector off as on the roof. The flash is a file:
# on a chip it is no part of the heap either.
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

import config
import file_flash
import queue
from clock import Clock
from sampler import Sampler
from status import Status

import world

WALL = 200000000


settings = config.check({})[0]
log = queue.Queue(file_flash.FileFlash(sys.argv[1]))
log.start(1, 2000)
clock = Clock()
status = Status("x", "0", 1, 1)
sampler = Sampler(settings, clock, log, status, lambda text: None)
collects = 0
least = 1 << 30


def run(count):
    """As the station's loop does it: a reading, now and then an upload, a collect when needed."""
    global collects, least
    for i in range(count):
        time.pass_ms(sampler.slots.left(time.now))
        world.seconds += 2
        sampler.sample()
        if i % 5 == 4 and clock.now():
            log.begin()
            while log.next():
                pass
            log.ack(log.at.seq)
        if gc.mem_alloc() > 3 * gc.mem_free():
            least = min(least, gc.mem_free())
            gc.collect()
            collects += 1


sampler.check()
gc.collect()
gc.disable()
run(10)
clock.offer(WALL, 0, time.now)
run(20)
gc.collect()
after_minute = gc.mem_free()
run(43200)
gc.collect()
print(json.dumps({"total": gc.mem_free() + gc.mem_alloc(), "minute": after_minute,
                  "day": gc.mem_free(), "least": least, "collects": collects,
                  "taken": sampler.taken, "acknowledged": log.acked(), "queued": log.queued(),
                  "dropped": log.dropped, "errors": status.sensor_errors}))
