# A scripted run of the queue on NOR flash, then a power cut at every flash operation of it, torn
# in several ways, and again at every operation of the start-up that repairs it.
import json
import sys

import cursor
import log
import queue
import store

import esp32

PAGE = 384
cursor.PAGE = log.PAGE = store.PAGE = esp32.PAGE = PAGE
PAGES = 4
PER_PAGE = PAGE // 4
WALL = 200000000


class Logged(esp32.Partition):
    """Notes every operation, and what the model knew before and after the call it belongs to."""

    def __init__(self, flash, model):
        super().__init__(flash)
        self.model = model
        self.operations = []

    def writeblocks(self, block, buf, offset=None):
        self.operations.append((block, offset, bytes(buf), self.model.now()))
        super().writeblocks(block, buf, offset)

    def ioctl(self, what, block=0):
        if what == 6:
            self.operations.append((block, None, None, self.model.now()))
        return super().ioctl(what, block)


class Model:
    """What the calls that returned have promised."""

    def __init__(self):
        self.records = []  # pressure of each record, in order: unique
        self.ups = {}  # pressure -> (boot, ms since that boot)
        self.zeros = {}  # boot -> wall time of its beginning in ms, once its clock is set
        self.acked = 0
        self.dropped = 0
        self.pending = None

    def now(self):
        return len(self.records), max(self.acked, self.dropped), self.pending, dict(self.zeros)

    def stamps(self, pressures, zeros, first_zero):
        """pressure -> wall time of these records, by the boots' beginnings that are known.

        A boot without one follows the last stamp before it; before all, it and its followers end
        where the first known one begins (first_zero, if none was set), a second between them.
        """
        out = {}
        boots = []
        for p in pressures:
            boot, up = self.ups[p]
            if not boots or boots[-1][0] != boot:
                boots.append((boot, []))
            boots[-1][1].append((p, up))
        last = None
        for index, (boot, records) in enumerate(boots):
            zero = zeros.get(boot)
            if zero is None and last is not None:
                zero = last
            elif zero is None:
                zero = first_zero
                lived = 0
                for other, behind in boots[index:]:
                    if other in zeros:
                        zero = zeros[other]
                        break
                    lived += behind[-1][1] // 1000 + 1
                zero = zero // 1000 * 1000 - lived * 1000
            for p, up in records:
                out[p] = last = zero + up
        return out


def scripted(model, partition):
    """The run. Yields nothing; leaves the model complete."""
    q = None
    number = [0]
    boots = [0]
    clock = [0, None]  # uptime s, wall of uptime 0 or None

    def boot():
        nonlocal q
        boots[0] += 1
        model.pending = ("boot", 0)
        q = queue.Queue(store.PartitionStore(partition))
        q.start(boots[0], 2000)
        model.pending = None
        clock[0], clock[1] = 0, None

    def append(count, jitter=0, wild=False):
        for i in range(count):
            clock[0] += 2
            number[0] += 1
            p = 90000 + number[0]
            up = clock[0] * 1000 + (i % 7) * jitter
            model.pending = ("append", p)
            model.ups[p] = boots[0], up
            wall = up if clock[1] is None else clock[1] * 1000 + up
            s, ms = wall // 1000, wall % 1000
            t = 200 + (i * 37 % 300 if wild else i % 2)
            q.append(s, ms, t, 500 + i % 3, None if i % 11 == 10 else 210, p)
            model.records.append(p)
            model.dropped = q.acked()
            model.pending = None

    def set_clock(wall):
        clock[1] = wall - clock[0]
        model.pending = ("clock", clock[1] * 1000)
        q.set_clock(clock[0], 0, wall, 0)
        model.pending = None
        model.zeros[boots[0]] = clock[1] * 1000

    def upload(limit):
        q.begin()
        got = 0
        while got < limit and q.next():
            got += 1
        if got:
            model.pending = ("ack", q.at.seq)
            q.ack(q.at.seq)
            model.acked = q.at.seq
            model.pending = None

    boot()
    append(12)
    set_clock(WALL)
    append(40, 3)
    upload(5)
    append(5)
    upload(50)
    append(25, 0, True)
    boot()
    append(9)
    set_clock(WALL + 3600)
    upload(7)
    append(30, 290)
    boot()
    append(33)  # its clock is never set
    boot()
    append(4)
    set_clock(WALL + 7200)
    for _ in range(9):
        append(7)
        upload(13)  # passes the estimated ones, too
    append(230, 1)  # an outage: the oldest pages are dropped
    upload(40)
    append(20, 40, True)
    upload(1000)
    append(3)
    return boots[0]


def read_all(q, boot):
    q.begin()
    out = []
    last = -1
    while q.next():
        stamp = q.s * 1000 + q.ms
        if stamp <= last:
            raise AssertionError("stamps go back")
        last = stamp
        out.append((q.at.p, stamp))
    return out


FIRST_ZERO = (WALL + 100000 - 5) * 1000  # of the boot that reads in check()


def possible_stamps(model, state, empty_boots):
    """What the call that was cut leaves open: its record and its clock are stored, or not."""
    count, _, pending, zeros = state
    records = [model.records[:count]]
    known = [zeros]
    if pending and pending[0] == "append":
        records.append(records[0] + [pending[1]])
    if pending and pending[0] == "clock":
        boot = model.ups[model.records[count - 1]][0]
        known.append(dict(zeros))
        known[1][boot] = pending[1]
    # A boot without records, which a cut start-up left, counts for a second.
    first_zeros = [FIRST_ZERO - 1000 * i for i in range(empty_boots + 1)]
    return [model.stamps(r, k, z) for r in records for k in known for z in first_zeros]


def check(model, state, flash, boot, empty_boots=0):
    """Boots on this flash: all that was promised is there, once, and goes on working."""
    count, first, pending, _ = state
    q = queue.Queue(store.PartitionStore(esp32.Partition(flash)))
    q.start(boot, 2000)
    q.set_clock(5, 0, WALL + 100000, 0)
    seen = read_all(q, boot)
    pressures = [p for p, _ in seen]
    promised = model.records[first:count]
    allowed = [promised]
    if pending and pending[0] == "append":
        allowed.append(promised + [pending[1]])
    if pending and pending[0] == "ack":
        allowed.append(model.records[pending[1] : count])
    # A full log gives its oldest page up before it writes: the start-up counts its own, and the
    # call that was cut may have erased one (it says so at the next page's header).
    whole = [records[q.dropped :] for records in allowed]
    if pressures not in whole and not (
        flash.may_drop
        and pressures
        and any(
            pressures == records[-len(pressures) :] and len(records) - len(pressures) <= PER_PAGE
            for records in whole
        )
    ):
        raise AssertionError(
            "got %r.. (%d), want %r.. (%d) pending %r"
            % (pressures[:3], len(pressures), promised[:3], len(promised), pending)
        )
    possible = possible_stamps(model, state, empty_boots)
    if not any(all(stamps.get(p) == stamp for p, stamp in seen) for stamps in possible):
        wrong = [(p, stamp, possible[0].get(p)) for p, stamp in seen if possible[0].get(p) != stamp]
        raise AssertionError("stamps %r" % wrong[:3])
    # A reboot and another clock later each record has the time it had.
    q = queue.Queue(store.PartitionStore(esp32.Partition(flash)))
    q.start(boot + 1, 2000)
    q.set_clock(5, 0, WALL + 150000, 0)
    again = read_all(q, boot)
    if again != seen[q.dropped :]:
        raise AssertionError("read again: %r, before %r" % (again[:2], seen[:2]))
    seen = again
    before = q.dropped
    q.append(WALL + 150002, 0, 1, 2, 3, 80000)
    more = read_all(q, boot)
    gone = len(seen) + 1 - len(more)
    # A full log gives its oldest page up for the new record, and counts what it held.
    if gone != q.dropped - before or more[:-1] != seen[gone:] or more[-1] != (80000, (WALL + 150002) * 1000):
        raise AssertionError("does not go on: %r %r" % (seen[-2:], more[-3:]))
    q.ack(q.at.seq)
    q = queue.Queue(store.PartitionStore(esp32.Partition(flash)))
    q.start(boot + 2, 2000)
    q.set_clock(5, 0, WALL + 200000, 0)
    if read_all(q, boot):
        raise AssertionError("acknowledged records came back")
    return len(seen)


class Frozen(esp32.Flash):
    def __init__(self, pages):
        self.data = pages
        self.operations = 0
        self.erases = [0] * len(pages)
        self.programs = 0
        self.cut_at = 0
        self.torn = 0
        self.may_drop = False


def torn(operation, variant, page):
    """The page after this operation was cut: nothing, parts and all of it done."""
    block, offset, data, _ = operation
    page = bytearray(page)
    if data is None:
        for i in range(PAGE):
            if variant == 1 and i < PAGE // 2 or variant == 2 and i % 3 == 0 or variant == 4:
                page[i] = 0xFF
            elif variant == 3:
                page[i] |= i * 37 & 0xFF
        return page
    size = (0, len(data) // 2, len(data) - 1, 1, len(data))[variant]
    for i in range(size):
        page[offset + i] &= data[i]
    if 0 < size < len(data):
        page[offset + size] &= data[size] | 0x5A  # the byte under way has some of its bits
    if variant == 1 and len(data) > 2:
        page[offset + len(data) - 1] &= data[-1]  # and flash may write a row in any order
    return page


def copy(pages):
    return [bytearray(page) for page in pages]


def main():
    model = Model()
    flash = esp32.Flash(PAGES)
    flash.data = [bytearray(b"\xff" * PAGE) for _ in range(PAGES)]
    partition = Logged(flash, model)
    boots = scripted(model, partition)
    state = [bytearray(b"\xff" * PAGE) for _ in range(PAGES)]
    cuts = nested = 0
    written = 0
    erased = -9
    for index, operation in enumerate(partition.operations):
        block, offset, data, now = operation
        if data is None:
            erased = index
        may_drop = index - erased <= 2  # erase, header, entry: one call
        for variant in range(5):
            pages = copy(state)
            pages[block] = torn(operation, variant, pages[block])
            frozen = Frozen(copy(pages))
            frozen.may_drop = may_drop
            try:
                check(model, now, frozen, boots + 1)
            except Exception as error:
                print("cut", cuts, "variant", variant, "operation", block, offset, data and len(data))
                raise
            cuts += 1
            # The start-up that finds this: cut at each of its own first operations.
            if variant == 1:
                for at in range(1, 6):
                    again = Frozen(copy(pages))
                    again.cut_at = at
                    again.torn = 2
                    again.may_drop = may_drop
                    try:
                        q = queue.Queue(store.PartitionStore(esp32.Partition(again)))
                        q.start(boots + 1, 2000)
                        q.set_clock(5, 0, WALL + 100000, 0)
                        read_all(q, 0)
                        break
                    except esp32.PowerCut:
                        again.cut_at = 0
                        again.may_drop = True
                        check(model, now, again, boots + 2, 1)
                        nested += 1
        if data is None:
            state[block] = bytearray(b"\xff" * PAGE)
        else:
            for i in range(len(data)):
                state[block][offset + i] &= data[i]
            written += 1
    print(json.dumps({"operations": len(partition.operations), "cuts": cuts, "nested": nested,
                      "records": len(model.records), "boots": boots, "dropped": model.dropped}))


main()
