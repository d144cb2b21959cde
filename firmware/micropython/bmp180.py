# BMP180, pressure and the temperature of its own board (Bosch's data sheet BST-BMP180, 3.5).
import struct
import time

ADDRESS = 0x77
_ID = 0x55
# Conversion times of the data sheet, rounded up: temperature, then pressure by oversampling.
_TEMPERATURE_MS = 5
_PRESSURE_MS = (5, 8, 14, 26)
# From here on (UP - B3) * (50000 >> oss) does not fit into 31 bits: where the data sheet changes
# the order of doubling and dividing.
_LARGE = (42950, 85900, 171799, 343598)


def _div(a, b):
    """Integer division of C: toward zero, where Python's goes down."""
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


class BMP180:
    """pressure in Pa and temperature in 0.1 degrees, None before a read."""

    def __init__(self, i2c, oversampling=3):
        self.i2c = i2c
        self.oss = oversampling
        self.pressure = None
        self.temperature = None
        self._cal = None
        self._two = bytearray(2)
        self._three = bytearray(3)
        self._start_temperature = b"\x2e"
        self._start_pressure = bytes((0x34 | oversampling << 6,))

    def _calibrate(self):
        if self.i2c.readfrom_mem(ADDRESS, 0xD0, 1)[0] != _ID:
            raise OSError("bmp180 id")
        raw = self.i2c.readfrom_mem(ADDRESS, 0xAA, 22)
        for i in range(0, 22, 2):
            word = raw[i] << 8 | raw[i + 1]
            # The data sheet excludes both: such a word is a fault of the bus.
            if word == 0 or word == 0xFFFF:
                raise OSError("bmp180 calibration")
        self._cal = struct.unpack(">hhhHHHhhhhh", raw)

    def read(self):
        """Measures; OSError when the sensor does not answer or answers nonsense."""
        self.pressure = self.temperature = None
        if self._cal is None:
            self._calibrate()
        i2c = self.i2c
        two = self._two
        three = self._three
        try:
            i2c.writeto_mem(ADDRESS, 0xF4, self._start_temperature)
            time.sleep_ms(_TEMPERATURE_MS)
            i2c.readfrom_mem_into(ADDRESS, 0xF6, two)
            i2c.writeto_mem(ADDRESS, 0xF4, self._start_pressure)
            time.sleep_ms(_PRESSURE_MS[self.oss])
            i2c.readfrom_mem_into(ADDRESS, 0xF6, three)
        except OSError:
            self._cal = None  # it may have been another chip, or one that lost its power
            raise
        ut = two[0] << 8 | two[1]
        up = (three[0] << 16 | three[1] << 8 | three[2]) >> (8 - self.oss)
        self.compensate(ut, up)

    def compensate(self, ut, up):
        """Sets both values from the raw readings; the data sheet's figure 4, names and all.

        Its two products of more than 30 bits are split, with the same result: a larger integer
        lives on the chip's heap, and a reading must leave nothing behind.
        """
        oss = self.oss
        ac1, ac2, ac3, ac4, ac5, ac6, b1, b2, _, mc, md = self._cal
        x1 = ((ut - ac6) * ac5) >> 15
        if x1 + md == 0:
            raise OSError("bmp180 range")
        b5 = x1 + _div(mc << 11, x1 + md)
        b6 = b5 - 4000
        square = (b6 * b6) >> 12
        x1 = (b2 * square) >> 11
        x2 = (ac2 * b6) >> 11
        b3 = _div(((ac1 * 4 + x1 + x2) << oss) + 2, 4)
        x1 = (ac3 * b6) >> 13
        x2 = (b1 * square) >> 16
        x = ((x1 + x2 + 2) >> 2) + 32768
        b4 = (ac4 * (x >> 8) + (ac4 * (x & 0xFF) >> 8)) >> 7  # (ac4 * x) >> 15
        u = up - b3
        if b4 <= 0 or u < 0:
            raise OSError("bmp180 range")
        # p = u * (50000 >> oss) * 2 / b4, or with the doubling last: two steps of long division.
        last = 1000 >> oss if u >= _LARGE[oss] else 2000 >> oss
        p = u * 50 // b4 * last + u * 50 % b4 * last // b4
        if u >= _LARGE[oss]:
            p *= 2
        x1 = (p >> 8) * (p >> 8)
        x1 = (x1 * 3038) >> 16
        x2 = (-7357 * p) >> 16
        self.temperature = (b5 + 8) >> 4
        self.pressure = p + ((x1 + x2 + 3791) >> 4)
