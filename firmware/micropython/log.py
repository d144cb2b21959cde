"""An append-only log of records on raw flash, each durable the moment append() returns.

Flash can clear bits at any time but sets them only by erasing 4096-byte pages, so the log only
appends. Times are (seconds since 2020-01-01T00:00:00Z, milliseconds), or since the boot while the
clock is not set. All numbers are big-endian; every CRC is CRC-16/CCITT over the entry before it,
begun with (page number * 40503 + offset in page * 7 + 1) & 0xFFFF.

A page is found at index (page number % pages of the partition). It begins with a header:
   0 "WXQ1"              4 page number u32        8 number of its first record u32
  12 acknowledged u32: records before this number are done
  16 boot u16           18 clock u8: 1 set        19 version u8: 1
  20 interval u32, ms   24 time of the page's beginning: s u32, ms u16
  30 wall time of this boot's beginning: s i32, ms u16; meaningful when the clock is set
  36 the last stamp given before this page: s i32 (-1: none), ms u16
  42 estimated boot u16 (0: none), 44 its beginning: s i32, ms u16
  50 CRC
Then entries, told apart by their first byte:
  00        padding, skipped
  01..3F    record: changes since the last one: byte-1 = (dh+3)*9 + (dc+1)*3 + dt+1; dp i8; CRC
  41..7F    the same, byte-0x41, with dp i8 and (time since the last record - interval) i8; CRC
  8x        record: values in 52 bits; CRC. Its time is one interval after the last.
  9x        the same, then (time since the last record - interval) i16; CRC
  Ax        key record: values, number since the page's first u16, s u32, ms u16 (bit 15: clock
            set), boot u16; CRC. Needs nothing before it.
  Bx        acknowledgement: low 20 bits of a record number: records before it are done; CRC
  C1        boot u16, interval u32; CRC. Time begins anew at 0, the clock is unset.
  C2        clock set: time since boot s u32, ms u16, wall time s u32, ms u16; CRC
  C3        estimate: boot u16, wall time of its beginning s i32, ms u16; CRC
  FF        end of the page (or damage, if not all is FF behind it)
Values, from the first byte's low half on: temperature 12 bits signed (0.1 degree, -2048: none),
humidity 11 (0.1 %, 2047: none), case temperature 12 signed, pressure 17 (Pa, 0: none).

A record of a boot whose clock was set later gets wall time - time since boot from that boot's C2
entry, or from the header of any page of the same boot with the clock set. When the clock was never
set in a boot, its records follow the last stamp before it by their own intervals; a C3 entry
makes that estimate durable before the first of them is sent, so that every reading agrees.
"""

import codec
from codec import NEVER
from cursor import END, HEADER, MAGIC, Cursor, is_header
from store import PAGE, make_lock

# A damaged record spoils those after it up to the next key: at most 31, or a minute.
_KEY_EVERY = 32


class Log:
    """The end of the log, and all that is written there; reading it is the Queue's."""

    def __init__(self, store):
        self.store = store
        self.dropped = 0
        self.repaired = 0
        self.end = Cursor(self)  # the end of the log, and all the writer knows
        self._lock = make_lock()
        self._buf = bytearray(HEADER)
        view = memoryview(self._buf)
        # One slice a size, made now: a slice is an allocation.
        self._views = tuple(view[:size] for size in range(HEADER + 1))
        self._tail = 0
        self._since_key = 0

    # -- what others may ask

    def acked(self):
        return self.end.acked

    def queued(self):
        return self.end.seq - self.end.acked

    def last_stamp(self):
        """(s, ms) that every later stamp must exceed; s is NEVER when there is none."""
        return self.end.last_s, self.end.last_ms

    def end_of(self, page):
        """Where this page's entries end: the writer may be at work in it."""
        self._lock.acquire()
        end = self.end.off if page == self.end.page else PAGE
        self._lock.release()
        return end

    # -- start

    def _scan(self):
        w = self.end
        pages = self.store.pages
        head = tail = NEVER
        view = self._views[8]
        for index in range(pages):
            self.store.read(index, 0, view)
            if self._buf[4] & 0xC0:
                continue  # beyond any page number in a century
            number = codec.get32s(self._buf, 4)
            if number % pages != index or not w.open(number):
                continue
            if number > head:
                head = number
            if tail == NEVER or number < tail:
                tail = number
        if head == NEVER:
            w.page = NEVER
            w.off = PAGE
            return
        self._tail = max(tail, head - pages + 1)
        w.open(head)
        while w.step(PAGE) != END:
            pass
        w.seq = max(w.seq, w.acked)
        w.is_known = False
        self._repair()

    def _repair(self):
        """Behind the last sound entry only blank flash may follow: the rest becomes padding."""
        w = self.end
        w.forget()
        used = w.good
        off = w.good
        index = w.page % self.store.pages
        while off < PAGE:
            size = min(HEADER, PAGE - off)
            self.store.read(index, off, self._views[size])
            for i in range(size):
                if self._buf[i] != 0xFF:
                    used = off + i + 1
            off += size
        w.off = w.good
        if used > w.good:
            self.repaired += 1
        for i in range(HEADER):
            self._buf[i] = codec.PAD
        while w.off < used:
            size = min(HEADER, used - w.off)
            self.store.write(index, w.off, self._views[size])
            w.off += size
        w.forget()

    def _begin_boot(self, boot, interval_ms):
        w = self.end
        w.boot = boot
        w.interval = interval_ms
        w.s = w.ms = 0
        w.is_set = w.is_known = False
        w.anchor_s = NEVER
        buf = self._buf
        if not self._has_room(9):
            self._open_page()
        buf[0] = codec.BOOT
        codec.put16(buf, 1, boot)
        codec.put32(buf, 3, interval_ms)
        self._write(7)

    # -- writing

    def _has_room(self, size):
        return self.end.off + size <= PAGE

    def _write(self, size):
        """Seals and programs the entry in the buffer at the end of the log."""
        w = self.end
        buf = self._buf
        size = codec.seal(buf, size, w.page, w.off)
        off = w.off
        # Should the flash refuse, nobody knows what it holds now: the next entry opens a page.
        w.off = PAGE
        w.is_known = False
        self.store.write(w.page % self.store.pages, off, self._views[size])
        w.off = off + size

    def _open_page(self):
        w = self.end
        buf = self._buf
        number = w.page + 1
        pages = self.store.pages
        oldest = number - pages + 1
        if self._tail < oldest:
            self._drop(oldest)
        self.store.flush()
        self.store.erase(number % pages)
        for i in range(4):
            buf[i] = MAGIC[i]
        codec.put32(buf, 4, number)
        codec.put32(buf, 8, w.seq)
        codec.put32(buf, 12, w.acked)
        codec.put16(buf, 16, w.boot)
        buf[18] = 1 if w.is_set else 0
        buf[19] = 1
        codec.put32(buf, 20, w.interval)
        codec.put32(buf, 24, w.s)
        codec.put16(buf, 28, w.ms)
        codec.put32(buf, 30, w.anchor_s)
        codec.put16(buf, 34, w.anchor_ms)
        codec.put32(buf, 36, w.last_s)
        codec.put16(buf, 40, w.last_ms)
        codec.put16(buf, 42, w.estimated)
        codec.put32(buf, 44, w.estimate_s)
        codec.put16(buf, 48, w.estimate_ms)
        codec.seal(buf, HEADER - 2, number, 0)
        w.off = PAGE
        w.is_known = False
        self.store.write(number % pages, 0, self._views[HEADER])
        w.page = number
        w.first = w.seq
        w.off = HEADER
        self._since_key = 0

    def _drop(self, oldest):
        """The queue is full: the oldest page goes, and what it held unsent is counted."""
        w = self.end
        self._tail = oldest
        first = w.seq
        for page in range(oldest, w.page + 1):
            self.store.read(page % self.store.pages, 0, self._views[HEADER])
            if is_header(self._buf, page):
                first = codec.get32s(self._buf, 8)
                break
        if first > w.acked:
            self.dropped += first - w.acked
            w.acked = first

    def append(self, s, ms, temperature, humidity, case, pressure):
        """Stores one reading; it is durable when this returns (by partition; files: at a flush).

        s, ms: wall time when the clock is set, else since boot. Values as the sensors give them:
        tenths, percents' tenths, tenths, Pa, or None. Allocates nothing but at a page's turn.
        """
        t = codec.clamp_temperature(temperature)
        h = codec.clamp_humidity(humidity)
        c = codec.clamp_temperature(case)
        p = codec.clamp_pressure(pressure)
        self._lock.acquire()
        try:
            self._append(s, ms, t, h, c, p)
        finally:
            self._lock.release()

    def _append(self, s, ms, t, h, c, p):
        w = self.end
        buf = self._buf
        size = 0
        since = self._since_key
        if w.is_known and since < _KEY_EVERY and 0 <= s - w.s < 100000:
            extra = (s - w.s) * 1000 + ms - w.ms - w.interval
            if -128 <= extra <= 127:
                size = codec.put_delta(buf, t - w.t, h - w.h, c - w.c, p - w.p)
                if size and extra:
                    buf[0] += 0x40
                    buf[2] = extra & 0xFF
                    size = 3
            if not size and -32768 <= extra <= 32767:
                codec.put_values(buf, codec.SHIFTED if extra else codec.ABSOLUTE, t, h, c, p)
                size = 7
                if extra:
                    codec.put16(buf, 7, extra & 0xFFFF)
                    size = 9
        since += 1
        if not size or not self._has_room(size + 2):
            if not self._has_room(codec.KEY_SIZE) or w.seq - w.first > 0xFFFF:
                self._open_page()
            codec.put_values(buf, codec.KEY, t, h, c, p)
            codec.put16(buf, 7, w.seq - w.first)
            codec.put32(buf, 9, s)
            codec.put16(buf, 13, ms | (0x8000 if w.is_set else 0))
            codec.put16(buf, 15, w.boot)
            size = codec.KEY_SIZE - 2
            since = 1
        self._write(size)
        # Not in one line: four at once would be a tuple on the heap.
        w.t = t
        w.h = h
        w.c = c
        w.p = p
        w.is_known = True
        w.seq += 1
        w._passed(s, ms)
        self._since_key = since

    def set_clock(self, up_s, up_ms, s, ms):
        """From here on times are wall time; what this boot stored before gets its own by it."""
        self._lock.acquire()
        try:
            w = self.end
            if not self._has_room(15):
                self._open_page()
            buf = self._buf
            buf[0] = codec.CLOCK
            codec.put32(buf, 1, up_s)
            codec.put16(buf, 5, up_ms)
            codec.put32(buf, 7, s)
            codec.put16(buf, 11, ms)
            self._write(13)
            w.anchor_s = s - up_s + (ms - up_ms) // 1000
            w.anchor_ms = (ms - up_ms) % 1000
            w.s = w.last_s = s
            w.ms = w.last_ms = ms
            w.is_set = True
        finally:
            self._lock.release()

    def note_estimate(self, boot, s, ms):
        """Makes durable that this boot, which never had a clock, is taken to begin at that time."""
        self._lock.acquire()
        try:
            if not self._has_room(11):
                self._open_page()
            buf = self._buf
            buf[0] = codec.ESTIMATE
            codec.put16(buf, 1, boot)
            codec.put32(buf, 3, s)
            codec.put16(buf, 7, ms)
            end = self.end
            known = end.is_known
            self._write(9)
            end.is_known = known
            end.estimated, end.estimate_s, end.estimate_ms = boot, s, ms
        finally:
            self._lock.release()

    def note_acked(self, number):
        """Records before this number are done: durable when it returns."""
        self._lock.acquire()
        try:
            w = self.end
            if number <= w.acked:
                return
            w.acked = number
            if self._has_room(5):
                buf = self._buf
                buf[0] = codec.ACK << 4 | (number >> 16) & 0xF
                codec.put16(buf, 1, number & 0xFFFF)
                known = w.is_known
                self._write(3)
                w.is_known = known
            else:
                self._open_page()  # its header says it
            # In files this is one of few flushes, and without it a power cut brings back what the
            # server has.
            self.store.flush()
        finally:
            self._lock.release()

    def flush(self):
        self._lock.acquire()
        try:
            self.store.flush()
        finally:
            self._lock.release()
