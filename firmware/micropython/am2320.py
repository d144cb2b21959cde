# AM2320, air temperature and relative humidity (Aosong's data sheet, section 8).
import time

import crc

ADDRESS = 0x5C
# It falls asleep about 3 s after a read, and its next answer is as old as the pause. At a reading
# every 3 s that is no older than the interval; half a second for those that come late.
STALE_MS = 3500

_REQUEST = b"\x03\x00\x04"  # function 3, from register 0, four of them
_EMPTY = b""


class AM2320:
    """temperature and humidity in tenths (of a degree, of a percent), None before a read."""

    def __init__(self, i2c):
        self.i2c = i2c
        self.temperature = None
        self.humidity = None
        self._answer = bytearray(8)
        self._read_at = None

    def _wake(self):
        try:
            self.i2c.writeto(ADDRESS, _EMPTY)
        except OSError:
            pass  # asleep it does not acknowledge; the address alone wakes it
        time.sleep_ms(2)  # it needs 0.8 to 3 ms; the request is repeated if that was too short

    def _ask(self):
        self._wake()
        try:
            self.i2c.writeto(ADDRESS, _REQUEST)
        except OSError:
            time.sleep_ms(2)
            self.i2c.writeto(ADDRESS, _REQUEST)
        time.sleep_ms(2)  # at least 1.5 ms
        answer = self._answer
        self.i2c.readfrom_into(ADDRESS, answer)
        if answer[0] != 3 or answer[1] != 4:
            raise OSError("am2320 code")
        if crc.modbus(answer, 6) != answer[6] | answer[7] << 8:
            raise OSError("am2320 crc")

    def read(self):
        """True: fresh values. False: the reading was stale and is dropped. OSError: no answer.

        The sensor returns what it measured before this read, so the first after a pause is old.
        """
        self.temperature = self.humidity = None
        try:
            self._ask()
        except OSError:
            # At 3 s between readings it can fall asleep behind the request; a wrong bit, too, is
            # worth a second try.
            self._ask()
        answer = self._answer
        now = time.ticks_ms()
        last = self._read_at
        self._read_at = now
        if last is None or time.ticks_diff(now, last) > STALE_MS:
            return False
        self.humidity = answer[2] << 8 | answer[3]
        value = (answer[4] & 0x7F) << 8 | answer[5]
        self.temperature = -value if answer[4] & 0x80 else value
        return True
