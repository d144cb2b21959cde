# How a record becomes bytes, and back. The queue's format is described in log.py.
import crc

# Values that mean "not measured"; real ones are kept inside the range beside them.
NO_TEMPERATURE = -2048  # -2047..2047 tenths of a degree, 12 bits
NO_HUMIDITY = 2047  # 0..2046 tenths of a percent, 11 bits
NO_PRESSURE = 0  # 1..131071 Pa, 17 bits

NEVER = -1  # no time known, where seconds are expected

PAD = 0x00
DELTA_MAX = 0x3F
LATE_MIN = 0x41
LATE_MAX = 0x7F
ABSOLUTE = 0x8
SHIFTED = 0x9
KEY = 0xA
ACK = 0xB
BOOT = 0xC1
CLOCK = 0xC2
ESTIMATE = 0xC3

KEY_SIZE = 19


def size_of(byte):
    """Bytes of the entry that begins with this byte, its CRC included; 0: no such entry."""
    if byte <= LATE_MAX:
        if byte == 0x40:
            return 0
        return 1 if byte == PAD else 4 if byte <= DELTA_MAX else 5
    kind = byte >> 4
    if kind == ABSOLUTE:
        return 9
    if kind == SHIFTED:
        return 11
    if kind == KEY:
        return KEY_SIZE
    if kind == ACK:
        return 5
    if byte == BOOT:
        return 9
    if byte == CLOCK:
        return 15
    if byte == ESTIMATE:
        return 11
    return 0


def clamp_temperature(value):
    return NO_TEMPERATURE if value is None else max(-2047, min(2047, value))


def clamp_humidity(value):
    return NO_HUMIDITY if value is None else max(0, min(2046, value))


def clamp_pressure(value):
    return NO_PRESSURE if value is None else max(1, min(131071, value))


def put16(buf, at, value):
    buf[at] = (value >> 8) & 0xFF
    buf[at + 1] = value & 0xFF


def put32(buf, at, value):
    buf[at] = (value >> 24) & 0xFF
    buf[at + 1] = (value >> 16) & 0xFF
    buf[at + 2] = (value >> 8) & 0xFF
    buf[at + 3] = value & 0xFF


def get16(buf, at):
    return buf[at] << 8 | buf[at + 1]


def get16s(buf, at):
    value = buf[at] << 8 | buf[at + 1]
    return value - 0x10000 if value & 0x8000 else value


def get32s(buf, at):
    """Signed, and below 2**30 no larger than the chip's small integer on the way."""
    high = buf[at]
    if high & 0x80:
        high -= 0x100
    return (high << 24) + (buf[at + 1] << 16 | buf[at + 2] << 8 | buf[at + 3])


def _salt(page, offset):
    """(page * 40503 + offset * 7 + 1) & 0xFFFF, without a product of more than 30 bits: after a
    year of pages each CRC would begin with an integer on the chip's heap."""
    return ((page & 0xFF) * 40503 + ((page >> 8 & 0xFF) * 55 << 8) + offset * 7 + 1) & 0xFFFF


def seal(buf, size, page, offset):
    """Appends the CRC. It begins with page and offset, so that no old or shifted byte fits."""
    put16(buf, size, crc.ccitt(buf, 0, size, _salt(page, offset)))
    return size + 2


def is_sealed(buf, at, size, page, offset):
    return crc.ccitt(buf, at, at + size - 2, _salt(page, offset)) == get16(buf, at + size - 2)


def put_values(buf, kind, t, h, c, p):
    """Seven bytes: four bits of kind, then 12, 11, 12 and 17 bits of values."""
    buf[0] = kind << 4 | (t >> 8) & 0xF
    buf[1] = t & 0xFF
    buf[2] = h >> 3
    buf[3] = (h & 7) << 5 | (c >> 7) & 0x1F
    buf[4] = (c & 0x7F) << 1 | p >> 16
    buf[5] = (p >> 8) & 0xFF
    buf[6] = p & 0xFF


def temperature_of(buf, at):
    t = (buf[at] & 0xF) << 8 | buf[at + 1]
    return t - 4096 if t & 0x800 else t


def humidity_of(buf, at):
    return buf[at + 2] << 3 | buf[at + 3] >> 5


def case_of(buf, at):
    c = (buf[at + 3] & 0x1F) << 7 | buf[at + 4] >> 1
    return c - 4096 if c & 0x800 else c


def pressure_of(buf, at):
    return (buf[at + 4] & 1) << 16 | buf[at + 5] << 8 | buf[at + 6]


def put_delta(buf, dt, dh, dc, dp):
    """One byte for three small changes and one for pressure; 0 when a change is too large."""
    if not (-1 <= dt <= 1 and -1 <= dc <= 1 and -3 <= dh <= 3 and -128 <= dp <= 127):
        return 0
    buf[0] = (dh + 3) * 9 + (dc + 1) * 3 + dt + 2
    buf[1] = dp & 0xFF
    return 2
