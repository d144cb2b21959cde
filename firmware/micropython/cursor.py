# A place in the queue's log, moved entry by entry. The log's format is described in log.py.
import codec
from codec import NEVER
from store import PAGE

HEADER = 52
MAGIC = b"WXQ1"
_WINDOW = 256

END = 0
RECORD = 1
OTHER = 2


def is_header(buf, page):
    """Whether buf begins with the sound header of this page."""
    for i in range(4):
        if buf[i] != MAGIC[i]:
            return False
    if buf[4] & 0xC0 or codec.get32s(buf, 4) != page or buf[19] != 1:
        return False
    return codec.is_sealed(buf, 0, HEADER, page, 0)


class Cursor:
    """Reads entries in order. After step() returned RECORD: stamp in s, ms (wall time or, when
    is_set is false, since boot), values in t, h, c, p, and seq is the number of the next one."""

    def __init__(self, queue):
        self._queue = queue
        self._window = bytearray(_WINDOW)
        self._small = memoryview(self._window)
        self._base = -1
        self._base_page = -1
        self.page = NEVER
        self.off = PAGE
        self.good = PAGE
        self.first = 0
        self.seq = 0
        self.s = self.ms = 0
        self.is_set = False
        self.boot = 0
        self.interval = 2000
        self.anchor_s = self.anchor_ms = 0
        self.last_s = NEVER
        self.last_ms = 0
        self.t = self.h = self.c = self.p = 0
        self.is_known = False
        self.damaged = 0
        self.acked = 0
        self.estimated = 0
        self.estimate_s = self.estimate_ms = 0

    def copy(self, other):
        """Takes the other's place in the log; the window stays."""
        self.page, self.off, self.good = other.page, other.off, other.good
        self.first, self.seq, self.damaged = other.first, other.seq, other.damaged
        self.s, self.ms, self.is_set = other.s, other.ms, other.is_set
        self.boot, self.interval = other.boot, other.interval
        self.anchor_s, self.anchor_ms = other.anchor_s, other.anchor_ms
        self.last_s, self.last_ms = other.last_s, other.last_ms
        self.t, self.h, self.c, self.p = other.t, other.h, other.c, other.p
        self.is_known, self.acked, self.estimated = other.is_known, other.acked, other.estimated
        self.estimate_s, self.estimate_ms = other.estimate_s, other.estimate_ms

    def open(self, page):
        """Goes to the beginning of a page; False when its header is not whole."""
        queue = self._queue
        buf = self._window
        self._base = -1
        queue.store.read(page % queue.store.pages, 0, buf)
        if not is_header(buf, page):
            return False
        self._base = 0
        self._base_page = page
        self.page = page
        self.off = self.good = HEADER
        self.first = self.seq = codec.get32s(buf, 8)
        self.acked = codec.get32s(buf, 12)
        self.boot = codec.get16(buf, 16)
        self.is_set = buf[18] == 1
        self.interval = codec.get32s(buf, 20)
        self.s, self.ms = codec.get32s(buf, 24), codec.get16(buf, 28)
        self.anchor_s, self.anchor_ms = codec.get32s(buf, 30), codec.get16(buf, 34)
        self.last_s, self.last_ms = codec.get32s(buf, 36), codec.get16(buf, 40)
        self.estimated = codec.get16(buf, 42)
        self.estimate_s, self.estimate_ms = codec.get32s(buf, 44), codec.get16(buf, 48)
        self.is_known = False
        return True

    def _need(self, off, size, fresh=False):
        """Index in the window of the page's byte `off`, with `size` bytes behind it present."""
        base = self._base
        if fresh or base < 0 or self._base_page != self.page:
            base = -1
        if base < 0 or off < base or off + size > base + _WINDOW:
            base = min(off, PAGE - _WINDOW)
            self._queue.store.read(self.page % self._queue.store.pages, base, self._window)
            self._base = base
            self._base_page = self.page
        return off - base

    def forget(self):
        """What the window holds may have changed on the flash."""
        self._base = -1

    def _is_blank(self, off):
        while off < PAGE:
            if self._window[self._need(off, 1)] != 0xFF:
                return False
            off += 1
        return True

    def _resync(self, end):
        """After damage: on to the next key record. False: there is none in this page."""
        self.is_known = False
        off = self.off + 1
        while off + codec.KEY_SIZE <= end:
            at = self._need(off, codec.KEY_SIZE)
            buf = self._window
            if buf[at] >> 4 == codec.KEY and codec.is_sealed(
                buf, at, codec.KEY_SIZE, self.page, off
            ):
                self.off = off
                return True
            off += 1
        self.off = end
        return False

    def step(self, end):
        """One entry of this page, which ends at `end`: END, RECORD or OTHER."""
        buf = self._window
        while self.off < end:
            off = self.off
            at = self._need(off, 1)
            byte = buf[at]
            if byte == codec.PAD:
                self.off = off + 1
                continue
            if byte == 0xFF:
                # Blank, or written since the window was filled.
                byte = buf[self._need(off, 1, True)]
                if byte == 0xFF and self._is_blank(off):
                    return END
            size = codec.size_of(byte)
            if size == 0 or off + size > end:
                if not self._resync(end):
                    return END
                continue
            at = self._need(off, size)
            if not codec.is_sealed(buf, at, size, self.page, off):
                at = self._need(off, size, True)
                if not codec.is_sealed(buf, at, size, self.page, off):
                    if not self._resync(end):
                        return END
                    continue
            self.off = self.good = off + size
            kind = byte >> 4
            if byte >= 0xC0 or kind == codec.ACK:
                self._other(buf, at, byte)
                return OTHER
            if kind == codec.KEY:
                self._key(buf, at)
                return RECORD
            if not self.is_known:
                # Sound, but relative to a record that is damaged: the next key counts both.
                continue
            self._relative(buf, at, byte, kind)
            return RECORD
        return END

    def _values(self, buf, at):
        self.t = codec.temperature_of(buf, at)
        self.h = codec.humidity_of(buf, at)
        self.c = codec.case_of(buf, at)
        self.p = codec.pressure_of(buf, at)

    def _key(self, buf, at):
        self._values(buf, at)
        number = self.first + codec.get16(buf, at + 7)
        self.lose(number)
        self.seq = number + 1
        s = codec.get32s(buf, at + 9)
        ms = codec.get16(buf, at + 13)
        self.is_set = ms & 0x8000 != 0
        boot = codec.get16(buf, at + 15)
        if boot != self.boot:
            self.boot = boot
            self.anchor_s = NEVER
            self.s = self.ms = 0
        self.is_known = True
        self._passed(s, ms & 0x7FFF)

    def lose(self, number):
        """The next record is this one: those between, not yet acknowledged, are lost."""
        floor = max(self.seq, self._queue.acked())
        if number > floor:
            self.damaged += number - floor

    def _relative(self, buf, at, byte, kind):
        extra = 0
        if kind < 8:
            code = byte - 1
            p = buf[at + 1]
            if byte > codec.DELTA_MAX:
                code = byte - codec.LATE_MIN
                extra = buf[at + 2]
                if extra & 0x80:
                    extra -= 256
            self.p += p - 256 if p & 0x80 else p
            self.t += code % 3 - 1
            self.c += code // 3 % 3 - 1
            self.h += code // 9 - 3
        else:
            self._values(buf, at)
            if kind == codec.SHIFTED:
                extra = codec.get16s(buf, at + 7)
        ms = self.ms + self.interval + extra
        self.seq += 1
        self._passed(self.s + ms // 1000, ms % 1000)

    def _passed(self, s, ms):
        if self.is_set:
            self.last_s = s
            self.last_ms = ms
        elif self.last_s != NEVER and s >= self.s:
            # As if the boot had begun at the last stamp: what an estimate will say.
            ms_on = self.last_ms + ms - self.ms
            self.last_s += s - self.s + ms_on // 1000
            self.last_ms = ms_on % 1000
        self.s = s
        self.ms = ms

    def _other(self, buf, at, byte):
        if byte == codec.BOOT:
            self.boot = codec.get16(buf, at + 1)
            self.interval = codec.get32s(buf, at + 3)
            self.s = self.ms = 0
            self.is_set = False
            self.anchor_s = NEVER
            self.is_known = False
        elif byte == codec.CLOCK:
            self.s, self.ms = codec.get32s(buf, at + 7), codec.get16(buf, at + 11)
            seconds = codec.get32s(buf, at + 1)
            ms = self.ms - codec.get16(buf, at + 5)
            self.anchor_s = self.s - seconds + ms // 1000
            self.anchor_ms = ms % 1000
            self.is_set = True
            self.is_known = False
            self.last_s, self.last_ms = self.s, self.ms
        elif byte == codec.ESTIMATE:
            self.estimated = codec.get16(buf, at + 1)
            self.estimate_s, self.estimate_ms = codec.get32s(buf, at + 3), codec.get16(buf, at + 7)
        else:
            low = (buf[at] & 0xF) << 16 | buf[at + 1] << 8 | buf[at + 2]
            number = (self.acked & ~0xFFFFF) | low
            if number < self.acked:
                number += 0x100000
            self.acked = number
