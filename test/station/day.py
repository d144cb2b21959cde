# A day of the station: outages, power cuts, wrong time servers, dying sensors. At the end it says
# what still waits. Argument: the settings, as a file.
import gc
import sys

import virtual_time
import world
from virtual_board import (
    HOUR, cut, cut_at_flash, end, install, live, say, set_ntp, set_world, time
)

# Seven hours offline are some 16 pages: the oldest will have to go.
world.pages = 13
world.ntp = {"a": None, "b": None}



def weigh():
    gc.collect()
    say(heap=gc.mem_alloc())


for hour, action in (
    (0.33, set_ntp(0, 0)),
    (2.0, set_world(wifi=False)),
    (2.7, set_world(wifi=True)),
    (3.0, cut),
    # A boot that never learns the time, ten minutes after the one before.
    (3.5, set_ntp(None, None)),
    (3.6, cut),
    (3.9, cut),
    (4.0, set_ntp(0, 0)),
    (5.0, set_world(has_am2320=False)),
    (5.4, set_world(has_am2320=True)),
    (6.0, set_world(has_bmp180=False)),
    (6.3, set_world(has_bmp180=True)),
    (6.5, set_world(has_am2320=False, has_bmp180=False)),
    (6.7, set_world(has_am2320=True, has_bmp180=True)),
    (6.9, weigh),
    (12.95, weigh),
    # Set back, gently and far, and forward again.
    (7.0, set_ntp(-1500, -1500)),
    (9.0, set_ntp(0, 0)),
    (10.0, set_ntp(-90000, -90000)),
    (12.0, set_ntp(0, 0)),
    # One that lies, and one that does not.
    (12.4, set_ntp(10 * 24 * HOUR * 1000, 0)),
    (12.9, set_ntp(0, 0)),
    (13.0, set_world(wifi=False)),
    (16.0, cut),
    (20.0, set_world(wifi=True)),
    (23.8, set_world(wifi=False)),
    (24.0, end),
):
    time.at(hour * HOUR, action)
# The power fails within what is written, at any byte of it.
for i in range(20):
    time.at((20.5 + i / 10) * HOUR, cut_at_flash(1 + i % 3, i % 12))

install(sys.argv[1])
# The chip's counter wraps in the first hour; the third boot begins ten minutes late.
live(virtual_time.PERIOD - HOUR * 1000, {3.6: 600})
queue = world.station.queue
queue.begin()
while queue.next():
    at = queue.at
    say(queued=[queue.s * 1000 + queue.ms, at.t, at.h, at.c, at.p])
