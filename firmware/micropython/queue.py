"""The queue of records on their way to the server: the log, read from its oldest record on.

append() and set_clock() belong to the sampler, begin(), next() and ack() to the network. What lies
in flash, and how records get their times, is described in log.py.
"""

from anchor import Anchor
from cursor import END, RECORD, Cursor
from log import Log


class Queue(Log):
    def __init__(self, store):
        super().__init__(store)
        self.estimated = 0  # records whose time is one
        # The record that next() found: its wall time.
        self.s = self.ms = 0
        self.at = Cursor(self)  # the batch that is being read
        self._done = Cursor(self)  # the first record that is not acknowledged
        self._anchor = Anchor(self)
        self._is_stuck = False
        self._counted = 0

    def damaged(self):
        return self._done.damaged

    def start(self, boot, interval_ms):
        """Finds the end of the log, repairs what a power cut left there, notes the boot.

        Reads each page's header at most twice and two pages whole; never raises on what it finds.
        """
        self._scan()
        self._find_done()
        self._begin_boot(boot, interval_ms)

    def _find_done(self):
        """To the oldest record that is not acknowledged, from the head backwards: a log is full of
        acknowledged ones, and to step over a week of them takes the chip minutes."""
        acked = self.end.acked
        done = self._done
        page = self.end.page
        while page >= self._tail and not (done.open(page) and done.first <= acked):
            page -= 1
        if page < self._tail:
            self._open_from(done, self._tail)
            return
        end = self.end_of(page)
        while done.seq < acked and done.step(end) != END:
            pass
        if done.seq > acked:  # damage lies between: it is read, and counted, from the page's start
            done.open(page)
            done.damaged = 0

    def _open_from(self, cursor, page):
        """To the first sound page from this one on, what lies between counted; False: none."""
        seq = cursor.seq
        while page <= self.end.page:
            if cursor.open(page):
                number = cursor.seq
                cursor.seq = seq
                cursor.lose(number)
                cursor.seq = number
                return True
            page += 1
        return False

    def next_page(self, cursor):
        return self._open_from(cursor, cursor.page + 1)

    def begin(self):
        """The next record read is the oldest that is not acknowledged."""
        self.at.copy(self._done)
        self._is_stuck = False

    def _read(self, cursor):
        """Moves the cursor behind the next unacknowledged record; False at the end of the log."""
        w = self.end
        while True:
            if cursor.page < self._tail and not self._open_from(cursor, self._tail):
                return False
            end = self.end_of(cursor.page)
            what = cursor.step(end)
            if what == RECORD:
                if cursor.seq > w.acked:
                    return True
            elif what == END and (cursor.page >= w.page or not self.next_page(cursor)):
                return False

    def next(self):
        """True: a record of known time is in `at` (t, h, c, p, seq) and its time in s, ms.

        False: the log ends here, or its time is not known yet (this boot's clock is not set, or
        an estimate needs another call after begin()); `at` may stand behind that record.
        """
        if self._is_stuck:
            return False
        at = self.at
        if not self._read(at) or not self._find_time(at):
            self._is_stuck = True
            return False
        return True

    def ack(self, number):
        """Records before this number are done: durable when it returns."""
        done = self._done
        if number == self.at.seq:
            done.copy(self.at)
        else:
            while done.seq < number and self._read(done):
                pass
        self.note_acked(number)

    def _find_time(self, cursor):
        """Puts the wall time of the record the cursor has read into s, ms; False: not known yet."""
        s, ms = cursor.s, cursor.ms
        if not cursor.is_set:
            anchor = self._anchor
            if not anchor.find(cursor):
                return False
            ms += anchor.ms
            s += anchor.s + ms // 1000
            ms %= 1000
            if anchor.is_estimate and cursor.seq > self._counted:
                self._counted = cursor.seq
                self.estimated += 1
        self.s = s
        self.ms = ms
        return True
