# The queue in files, on LittleFS over a block device that loses its power at every erase and every
# program, torn in between: what was flushed is there, what was acknowledged does not come back.
import json
import os

import cursor
import log
import queue
import store

PAGE = 384
cursor.PAGE = log.PAGE = store.PAGE = PAGE
PAGES = 4
BLOCK = 512
BLOCKS = 48
WALL = 200000000


class Blocks:
    """Flash under a file system; notes what is done to it, and what was promised at that moment."""

    def __init__(self, data, promise=None):
        self.data = data
        self.promise = promise
        self.operations = []

    def _note(self, *operation):
        if self.promise:
            self.operations.append((operation, self.promise.now()))

    def readblocks(self, block, buf, offset=0):
        at = block * BLOCK + offset
        buf[:] = self.data[at : at + len(buf)]

    def writeblocks(self, block, buf, offset):
        at = block * BLOCK + offset
        self._note(at, bytes(buf))
        self.data[at : at + len(buf)] = buf

    def ioctl(self, what, value):
        if what == 4:
            return BLOCKS
        if what == 5:
            return BLOCK
        if what == 6:
            self._note(value * BLOCK, None)
            self.data[value * BLOCK : value * BLOCK + BLOCK] = b"\xff" * BLOCK
        return 0


class Promise:
    taken = flushed = acked = acking = 0

    def now(self):
        return self.taken, self.flushed, self.acked, self.acking


def mount(blocks):
    try:
        os.umount("/f")
    except OSError:
        pass  # nothing is mounted yet
    os.mount(os.VfsLfs2(blocks), "/f")


def start(boot):
    q = queue.Queue(store.FileStore("/f/q", PAGES))
    q.start(boot, 2000)
    q.set_clock(1, 0, WALL + 100000 * boot, 0)
    q.flush()
    return q


def scripted(promise):
    number = 0
    for boot in (1, 2):
        q = start(boot)
        for i in range(120):
            number += 1
            promise.taken = number  # perhaps, from here on
            q.append(WALL + 100000 * boot + 2 * i + 2, 0, 200 + i * 7 % 30, 500, 210, 90000 + number)
            if i % 5 == 4:
                q.flush()
                promise.flushed = number
            if i % 9 == 8:
                q.begin()
                for _ in range(7):
                    q.next()
                promise.acking = q.at.seq
                q.ack(q.at.seq)
                promise.acked = q.at.seq
                promise.flushed = number
        q.flush()
        promise.flushed = number
        q.store._close()  # else the collector does it, in the middle of something
    return number


def check(data, state):
    """A boot on this flash; returns how many records it found."""
    taken, flushed, acked, acking = state
    mount(Blocks(data))
    q = start(9)
    q.begin()
    first = None
    count = 0
    while q.next():
        number = q.at.p - 90000
        if first is None:
            first = number
        boot, i = (1, number - 1) if number <= 120 else (2, number - 121)
        if number != first + count or q.s * 1000 + q.ms != (WALL + 100000 * boot + 2 * i + 2) * 1000:
            raise AssertionError("record %d at %d, after %d from %s" % (number, q.s, count, first))
        count += 1
    end = count + (first - 1 if first else q.acked())
    begun = first - 1 if first else end
    if not acked <= begun <= max(acked, acking) or not flushed <= end <= taken:
        raise AssertionError("from %d to %d, promised %r" % (begun, end, state))
    # And it goes on.
    q.append(WALL + 1000000, 0, 1, 2, 3, 80000)
    q.ack(q.end.seq)
    q.store._close()
    q = queue.Queue(store.FileStore("/f/q", PAGES))
    q.start(10, 2000)
    if q.queued():
        raise AssertionError("acknowledged records came back")
    q.store._close()
    return count


state = bytearray(b"\xff" * BLOCK * BLOCKS)
os.VfsLfs2.mkfs(Blocks(state))
promise = Promise()
blocks = Blocks(bytearray(state), promise)
mount(blocks)
records = scripted(promise)
cuts = read = 0
for (at, data), now in blocks.operations:
    size = BLOCK if data is None else len(data)
    for done in (0, size // 2, size):
        torn = bytearray(state)
        torn[at : at + done] = b"\xff" * done if data is None else data[:done]
        read += check(torn, now)
        cuts += 1
    state[at : at + size] = b"\xff" * size if data is None else data
print(json.dumps({"cuts": cuts, "records": records, "read": read,
                  "erases": sum(1 for (_, data), _ in blocks.operations if data is None)}))
