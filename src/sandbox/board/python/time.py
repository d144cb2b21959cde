import _wx as wx
import time as _native

_2000 = 946684800

ticks_ms = wx.ticks_ms
ticks_us = wx.ticks_us
ticks_cpu = wx.ticks_us
ticks_add = _native.ticks_add
ticks_diff = _native.ticks_diff


def time():
    return wx.rtc_seconds()


def time_ns():
    while True:
        seconds = wx.rtc_seconds()
        micros = wx.rtc_micros()
        if seconds == wx.rtc_seconds():
            return (seconds * 1000000 + micros) * 1000


def gmtime(seconds=None):
    if seconds is None:
        seconds = wx.rtc_seconds()
    elif isinstance(seconds, float):
        raise TypeError("can't convert float to int")
    elif not isinstance(seconds, int):
        raise TypeError("can't convert %s to int" % type(seconds).__name__)
    elif not -0x80000000 <= seconds < 0x80000000:
        raise OverflowError("overflow converting long int to machine word")
    return _native.gmtime(seconds + _2000)[:8]


localtime = gmtime


def mktime(fields):
    if len(fields) < 8 or len(fields) > 9:
        raise TypeError("mktime needs a tuple of length 8 or 9")
    year, month, day, hour, minute, second = fields[:6]
    return (_mktime(year, month, day, hour, minute, second)) & 0xFFFFFFFF


_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def _mktime(year, month, day, hour, minute, second):
    year += (month - 1) // 12
    month = (month - 1) % 12
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    years = year - 2000
    leaps = (year - 1) // 4 - (year - 1) // 100 + (year - 1) // 400 - 484
    days = 365 * years + leaps + _BEFORE[month] + (1 if is_leap and month > 1 else 0) + day - 1
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def sleep(seconds):
    if not isinstance(seconds, (int, float)):
        raise TypeError("can't convert %s to float" % type(seconds).__name__)
    # The chip takes a negative time for a very long one.
    if wx.sleep(seconds * 1000.0 if seconds >= 0 else 4294967295.0):
        raise KeyboardInterrupt


def sleep_ms(ms):
    if ms > 0 and wx.sleep(ms):
        raise KeyboardInterrupt


def sleep_us(us):
    if us > 0 and wx.sleep(us / 1000):
        raise KeyboardInterrupt
