import _wx as wx
import gc as _native

_threshold = -1

enable = _native.enable
disable = _native.disable
isenabled = _native.isenabled


def collect():
    # The interpreter really collects only when no Python code runs (its C stack is out of reach);
    # in a loop that never ends its heap grows instead. The figures follow the chip, not that.
    _native.collect()
    wx.heap_start(_native.mem_alloc())


def threshold(size=None):
    global _threshold
    if size is None:
        return _threshold
    _threshold = size


def mem_alloc():
    return wx.heap_used(_native.mem_alloc())


def mem_free():
    # The chip's whole heap once Wi-Fi is up (recorded: 164864 + 1728 bytes).
    return max(0, 166592 - mem_alloc())
