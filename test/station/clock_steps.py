# What the stamps do when time servers set the clock, back and forth. A reading every 2 s; each step
# says how far its stamps were from true time, and whether they ever stood or went back.
import json
import sys

from ticks import Ticks

ticks = sys.modules["time"] = Ticks()

import clock

WALL = 200000000


class Queue:
    anchors = 0
    last = (-1, 0)

    def last_stamp(self):
        return self.last

    def set_clock(self, *_):
        self.anchors += 1


class Station:
    def __init__(self, last=(-1, 0), fast_ppm=0):
        self.queue = Queue()
        self.queue.last = last
        self.clock = clock.Clock()
        self.fast_ppm = fast_ppm
        self.true_ms = self.ticked = 0
        self.last = None
        self.steady = True

    def offer(self, error_ms):
        ms = self.true_ms + error_ms
        self.clock.offer(WALL + ms // 1000, ms % 1000, ticks.ticks_ms())

    def read(self, seconds):
        """Readings for so long; returns how far off the last stamp is."""
        here = self.clock
        for _ in range(seconds // 2):
            self.true_ms += 2000
            ticked = self.true_ms + self.true_ms * self.fast_ppm // 1000000
            ticks.pass_ms(ticked - self.ticked)
            self.ticked = ticked
            here.tick(ticks.ticks_ms())
            if here.is_pending():
                here.apply(self.queue)
            here.stamp()
            if here.is_set:
                stamp = here.s, here.ms
                if self.last and stamp <= self.last:
                    self.steady = False
                self.last = stamp
        return self.off()

    def off(self):
        return (self.clock.s - WALL) * 1000 + self.clock.ms - self.true_ms

    def now(self):
        s, ms = self.clock.now()
        return (s - WALL) * 1000 + ms - self.true_ms


def say(name, **what):
    print(json.dumps(dict(what, name=name)))


one = Station()
one.read(60)
unset = one.clock.state(), one.clock.now(), one.clock.s
one.offer(0)
say("set", before=unset, off=one.read(2), state=one.clock.state(), anchors=one.queue.anchors)

# Set back by a second and a half: 1 ms in 20 is given back, true time is known at once.
one.offer(-1500)
offs = [one.read(2), one.read(10), one.read(40)]
say("back a little", offs=offs, now=one.now(), steady=one.steady)
# Forward again: at once.
one.offer(0)
say("forward", off=one.read(2), steady=one.steady, anchors=one.queue.anchors)
# By a minute and a half: every other ms until 2 s are left.
one.offer(-90000)
offs = [one.read(2), one.read(100), one.read(100)]
say("back far", offs=offs, now=one.now(), steady=one.steady)

# A boot whose queue ends with stamps of a clock that was an hour ahead: it goes on behind them.
two = Station((WALL + 3600, 500))
two.offer(0)
say("behind the last", off=two.read(2), now=two.now(), later=two.read(7200), steady=two.steady)

# Nobody answers for a day and more: it goes on, and says so.
three = Station()
three.offer(0)
three.read(86400)
day = three.clock.state()
three.read(4)
say("held", day=day, later=three.clock.state(), off=three.off())
three.offer(0)
three.read(2)
say("found again", state=three.clock.state())

# Ticks that are 50 ppm fast are measured, and a correction of hours is none of drift.
four = Station(fast_ppm=50)
four.offer(0)
four.read(21600)
gone = four.off()
four.offer(0)
four.read(2)
say("drift", gone=gone, ppm=four.clock.drift_ppm, off=four.off())
four.read(3600)
four.offer(-7200000)
four.read(2)
say("no drift", ppm=four.clock.drift_ppm)
