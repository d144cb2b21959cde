import _wx as wx
import sys

POLLIN, POLLOUT, POLLERR, POLLHUP = 1, 4, 8, 16


class poll:
    def __init__(self):
        self._rows = []

    def register(self, stream, events=5):
        for row in self._rows:
            if row[0] is stream:
                row[1] = events
                return
        if not hasattr(stream, "ioctl"):
            raise OSError(22)
        self._rows.append([stream, events])

    def unregister(self, stream):
        self._rows = [row for row in self._rows if row[0] is not stream]

    def modify(self, stream, events):
        for row in self._rows:
            if row[0] is stream:
                row[1] = events
                return
        raise OSError(2)

    def poll(self, timeout=-1):
        return list(self.ipoll(timeout))

    def ipoll(self, timeout=-1, flags=0):
        end = None if timeout is None or timeout < 0 else wx.ticks_ms() + timeout
        while True:
            found = []
            for row in self._rows:
                events = row[0].ioctl(3, row[1])
                if events:
                    found.append((row[0], events))
                    if flags & 1:
                        row[1] = 0
            if found:
                return iter(found)
            left = 60000 if end is None else end - wx.ticks_ms()
            if left <= 0:
                return iter(())
            if wx.wait(left):
                raise KeyboardInterrupt


def select(reading, writing, failing, timeout=-1):
    p = poll()
    for stream in reading:
        p.register(stream, POLLIN)
    for stream in writing:
        p.register(stream, POLLOUT)
    found = p.poll(-1 if timeout is None else int(timeout * 1000))
    return (
        [s for s, e in found if e & (POLLIN | POLLHUP)],
        [s for s, e in found if e & POLLOUT],
        [s for s, e in found if e & POLLERR],
    )
