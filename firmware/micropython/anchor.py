"""When a boot of the log began, for records that were stored before the clock was set.

Found in this order: from the clock set later in that boot, from an estimate that the log holds,
or as a new estimate, which is made durable before anything is sent by it. The log's format and
its rules for time are described in log.py.
"""

from codec import NEVER, get16
from cursor import END, HEADER, Cursor, is_header

# Entries read in one go while a time is looked for: about a second on the chip.
_PORTION = 2000


class Anchor:
    """The network's: it reads while the sampler appends. After find() it is in s, ms."""

    def __init__(self, queue):
        self._queue = queue
        self._look = Cursor(queue)
        self._header = bytearray(HEADER)
        self._boot = 0  # the boot that s and ms are about; 0: none
        self.s = self.ms = 0
        self.is_estimate = False
        # The boot whose way to a known time is walked, its length and all that follow so far, the
        # boot behind it, and where that one begins once this one is placed.
        self._walked_boot = self._walked_s = self._lived_s = 0
        self._behind = self._next_boot = self._next_s = 0
        self._up = 0
        self._steps = 0

    def find(self, cursor):
        """The wall time at which the cursor's boot began; False: not known, or not known yet."""
        end = self._queue.end
        boot = cursor.boot
        if boot == end.boot:
            self._boot = 0
            self.s, self.ms = end.anchor_s, end.anchor_ms
            self.is_estimate = False
            return end.is_set
        if boot == self._boot:
            return True
        if boot != end.estimated:
            look = self._look
            if boot != self._walked_boot:
                look.copy(cursor)
                look.forget()
                if self._pass_boot(look):
                    self._boot = boot
                    self.s, self.ms = look.anchor_s, look.anchor_ms
                    self.is_estimate = False
                    return True
                self._walked_boot = boot
                self._walked_s = self._lived_s = self._up + 1
                self._behind = look.boot if look.boot != boot else 0
            if not self._estimate(cursor):
                return False
        self._boot = boot
        self.s, self.ms = end.estimate_s, end.estimate_ms
        self.is_estimate = True
        return True

    def _begins_in(self, boot, page):
        """Whether this page begins in that boot; its header lies in _header then."""
        header = self._header
        store = self._queue.store
        store.read(page % store.pages, 0, header)
        return is_header(header, page) and get16(header, 16) == boot

    def _pass_boot(self, look):
        """Moves it to where its boot's clock is set (True), or behind that boot (False).

        Goes by the pages' headers as far as they tell, and through a page only where they do not;
        the sampler may append meanwhile. In _up is left how many seconds the boot lived.
        """
        queue = self._queue
        boot = look.boot
        head = queue.end.page
        while True:
            page = look.page
            while page < head and self._begins_in(boot, page + 1):
                page += 1
                if self._header[18]:
                    break
            if page > look.page:
                look.open(page)
            end = queue.end_of(page)
            while not look.is_set:
                self._up = look.s
                self._steps += 1
                if look.step(end) == END:
                    if page >= head or not queue.next_page(look):
                        return False
                    break
                if look.boot != boot:
                    return False
            if look.boot != boot:
                return False
            if look.is_set:
                return look.anchor_s != NEVER

    def _estimate(self, cursor):
        """No clock in that boot: it is placed right behind the last stamp before it, durably.

        False: nothing is known before it, and the way to what is known is not done yet.
        """
        if cursor.last_s != NEVER:
            ms = cursor.last_ms - cursor.ms
            s = cursor.last_s - cursor.s + ms // 1000
            ms %= 1000
        else:
            ms = 0
            if cursor.boot == self._next_boot:
                s = self._next_s
            elif self._find_known():
                look = self._look
                is_known = look.is_set and look.anchor_s != NEVER
                s = (look.anchor_s if is_known else self._queue.end.anchor_s) - self._walked_s
            else:
                return False
            self._next_boot = self._behind
            self._next_s = s + self._lived_s
        self._walked_boot = 0
        self._queue.note_estimate(cursor.boot, s, ms)
        return True

    def _find_known(self):
        """Adds up the boots up to the first one with a clock: they end where it begins.

        False: a portion is done, the next call goes on. Short boots may fill the whole log.
        """
        if not self._queue.end.is_set:
            return False
        look = self._look
        self._steps = 0
        while not look.is_set:
            boot = look.boot
            if self._pass_boot(look) or look.boot == boot:
                break
            self._walked_s += self._up + 1
            if self._steps > _PORTION:
                return False
        return True
