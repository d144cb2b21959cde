# The chip's time module over a clock that jumps: whoever sleeps is at once where the sleep ends,
# unless something was to happen before. Take it in with sys.modules["time"] = VirtualTime().
import utime

from ticks import PERIOD, Ticks

import world


class VirtualTime(Ticks):
    gmtime = utime.gmtime

    def __init__(self):
        self.us = 0
        self._zero_us = 0
        self._alarms = []

    def at(self, seconds, action):
        """Runs action() at this time since the beginning; it may cut the power by raising."""
        self._alarms.append((int(seconds * 1000000), action))
        self._alarms.sort(key=lambda alarm: alarm[0])

    def boot(self, ticks=0):
        """The chip's counter begins anew, or just before its end."""
        self._zero_us = self.us - ticks * 1000

    def ms(self):
        return self.us // 1000

    def ticks_ms(self):
        return (self.us - self._zero_us) // 1000 % PERIOD

    def ticks_us(self):
        return (self.us - self._zero_us) % PERIOD

    def sleep_ms(self, ms):
        self.sleep_us(ms * 1000)

    def sleep(self, seconds):
        self.sleep_us(int(seconds * 1000000))

    def sleep_us(self, us):
        end = self.us + us
        alarms = self._alarms
        while alarms and alarms[0][0] <= end:
            at, action = alarms.pop(0)
            self.us = max(self.us, at)
            action()
        self.us = end
        world.seconds = end // 1000000
