# Two threads at the clock, without the lock a chip's interpreter holds: the network never reads a
# time between the numbers of one tick.
import _thread
import json

import clock
from ticks import Ticks

TURNS = 50000
ticks = clock.time = Ticks(0)
station = clock.Clock()
station.is_set = True
state = [False]


def sampler():
    for _ in range(TURNS):
        ticks.now += 700
        station.tick(ticks.now)
    state[0] = True


_thread.start_new_thread(sampler, ())
reads = torn = 0
while not state[0]:
    before = ticks.now
    s, ms = station.now()
    reads += 1
    if not before <= s * 1000 + ms <= ticks.now:
        torn += 1
print(json.dumps({"reads": reads, "torn": torn}))
