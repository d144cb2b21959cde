# What time it is. ticks_ms drives everything; NTP only says where wall time lies beside it.
#
# Wall times are (seconds since 2020-01-01T00:00:00Z, ms): until 2054 the seconds are a small
# integer, which the chip keeps without touching its heap.
import time

import codec
from store import make_lock

EPOCH_UNIX = 1577836800
EPOCH_NTP = 3786825600
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# A stamp ahead of true time falls back to it at this part of the time that passes: gently while
# it is seconds, faster where the records wait to be sent because they lie in the future.
_GENTLE = 20
_FAST = 2
_FAST_FROM_MS = 2000
# NTP is refreshed every 6 h; after four failures the clock is called held.
_HELD_AFTER_S = 86400


class Clock:
    """Only the sampler calls tick(), apply() and stamp(); now() may be asked from anywhere."""

    def __init__(self):
        # Time is several numbers: the network must not read one before a tick and one behind it.
        self._lock = make_lock()
        self._ticks = time.ticks_ms()
        self.up_s = self.up_ms = 0
        self.is_set = False
        # True wall time of the boot.
        self._zero_s = self._zero_ms = 0
        # How far stamps are ahead of true time, because the clock was set back.
        self.ahead_ms = 0
        self._offer = None
        self._set_at_s = 0
        self.drift_ppm = 0
        self.s = self.ms = 0

    def tick(self, ticks):
        """Counts the time since the last call, at most six days ago; `ticks` is ticks_ms()."""
        passed = time.ticks_diff(ticks, self._ticks)
        if passed <= 0:
            return
        ms = self.up_ms + passed
        self._lock.acquire()
        self._ticks = ticks
        self.up_s += ms // 1000
        self.up_ms = ms % 1000
        self._lock.release()
        if self.ahead_ms:
            part = passed // (_FAST if self.ahead_ms > _FAST_FROM_MS else _GENTLE)
            self.ahead_ms = max(0, self.ahead_ms - part)

    def now(self):
        """True wall time (s, ms), or None while it is unknown."""
        if not self.is_set:
            return None
        self._lock.acquire()
        s = self.up_s + self._zero_s
        ms = self.up_ms + self._zero_ms
        ticks = self._ticks
        self._lock.release()
        ms += time.ticks_diff(time.ticks_ms(), ticks)
        return s + ms // 1000, ms % 1000

    def uptime(self):
        self._lock.acquire()
        s, ms, ticks = self.up_s, self.up_ms, self._ticks
        self._lock.release()
        return s + (ms + time.ticks_diff(time.ticks_ms(), ticks)) // 1000

    def state(self):
        if not self.is_set:
            return "unset"
        return "held" if self.up_s - self._set_at_s > _HELD_AFTER_S else "ntp"

    def offer(self, s, ms, ticks):
        """NTP said it was s, ms at these ticks. The sampler takes it at its next tick."""
        self._offer = (s, ms, ticks)

    def is_pending(self):
        return self._offer is not None

    def apply(self, queue):
        """Takes what NTP offered; the first time, the queue's records of this boot get theirs."""
        offer = self._offer
        if offer is None:
            return
        s, ms, at = offer
        # The wall time of self._ticks.
        ms += time.ticks_diff(self._ticks, at)
        s += ms // 1000
        ms %= 1000
        zero_ms = ms - self.up_ms
        zero_s = s - self.up_s + zero_ms // 1000
        zero_ms %= 1000
        if not self.is_set:
            last_s, last_ms = queue.last_stamp()
            self.ahead_ms = 0
            if last_s != codec.NEVER:
                # Stamps go on behind the last one, even when that one was ahead of time.
                self.ahead_ms = max(0, (last_s - s) * 1000 + last_ms - ms + 1)
            stamp_ms = ms + self.ahead_ms
            queue.set_clock(self.up_s, self.up_ms, s + stamp_ms // 1000, stamp_ms % 1000)
        else:
            gained = (zero_s - self._zero_s) * 1000 + zero_ms - self._zero_ms
            self.ahead_ms = max(0, self.ahead_ms - gained)
            elapsed = self.up_s - self._set_at_s
            if elapsed > 600 and -60000 < gained < 60000:
                self.drift_ppm = gained * 1000 // elapsed
        self._lock.acquire()
        self._zero_s, self._zero_ms = zero_s, zero_ms
        self._lock.release()
        self._set_at_s = self.up_s
        self.is_set = True
        self._offer = None

    def stamp(self):
        """Sets s, ms for a record taken at the last tick: wall time, or since boot if unset."""
        if not self.is_set:
            self.s, self.ms = self.up_s, self.up_ms
            return
        ms = self.up_ms + self._zero_ms + self.ahead_ms
        self.s = self.up_s + self._zero_s + ms // 1000
        self.ms = ms % 1000


def days_before(year):
    """Days from 2020-01-01 to the first of January of this year."""
    past = year - 1
    return (year - 2020) * 365 + (past // 4 - past // 100 + past // 400) - 489


def _is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def put_time(buf, at, s, ms):
    """Writes 2026-11-02T10:00:00.000Z, 24 bytes, into buf; returns where it ends."""
    days = s // 86400
    rest = s % 86400
    year = 2020 + days // 366
    while days_before(year + 1) <= days:
        year += 1
    days -= days_before(year)
    month = 0
    while True:
        length = 29 if month == 1 and _is_leap(year) else _DAYS[month]
        if days < length:
            break
        days -= length
        month += 1
    at = put_digits(buf, at, year, 4)
    at = put_part(buf, at, 45, month + 1)
    at = put_part(buf, at, 45, days + 1)
    at = put_part(buf, at, 84, rest // 3600)
    at = put_part(buf, at, 58, rest // 60 % 60)
    at = put_part(buf, at, 58, rest % 60)
    buf[at] = 46
    at = put_digits(buf, at + 1, ms, 3)
    buf[at] = 90
    return at + 1


def put_part(buf, at, separator, value):
    buf[at] = separator
    return put_digits(buf, at + 1, value, 2)


def put_digits(buf, at, value, width):
    i = at + width
    while i > at:
        i -= 1
        buf[i] = 48 + value % 10
        value //= 10
    return at + width


def parse_time(text):
    """(s, ms) of 2026-11-02T10:00:00.000Z; None when it is no such time or before 2020."""
    try:
        if len(text) != 24 or text[10] != "T" or text[19] != "." or text[23] != "Z":
            return None
        year, month, day = int(text[0:4]), int(text[5:7]), int(text[8:10])
        seconds = int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
        ms = int(text[20:23])
    except ValueError:
        return None
    if year < 2020 or not 1 <= month <= 12:
        return None
    days = days_before(year) + day - 1
    for i in range(month - 1):
        days += 29 if i == 1 and _is_leap(year) else _DAYS[i]
    return days * 86400 + seconds, ms
