# The chip's machine module for the Unix port: pins, PWM, watchdog, reset, and an I2C bus with an
# AM2320 and a BMP180 behind it, register by register as the shared facts describe them.
import time

import world

HARD_RESET = 2
PWRON_RESET = 1
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


class Reset(BaseException):
    """What machine.reset() does here: the test's loop catches it and boots again."""


def reset():
    world.reset_cause = HARD_RESET
    raise Reset()


def reset_cause():
    return world.reset_cause


def unique_id():
    return b"\x24\x0a\xc4\x01\x02\x03"


class RTC:
    def datetime(self, value=None):
        if value:
            world.rtc = value
        return world.rtc


class Pin:
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_UP = 2

    def __init__(self, number, mode=None, pull=None, value=None):
        # The classic chip has no others (recorded).
        if number in (24, 28, 29, 30, 31) or not 0 <= number < 40:
            raise ValueError("invalid pin")
        self.number = number
        self._mode = mode
        self._value = 1 if value is None else value

    def value(self, value=None):
        if value is None:
            if self.number == world.sda and world.stuck_pulses > 0:
                return 0
            return self._value
        if self.number == world.scl and value == 1 and self._value == 0 and world.stuck_pulses > 0:
            world.stuck_pulses -= 1
        self._value = value


class PWM:
    def __init__(self, pin, freq=5000, duty_u16=0):
        world.led = (freq, duty_u16)

    def freq(self, value):
        world.led = (value, world.led[1])

    def duty_u16(self, value):
        world.led = (world.led[0], value)


class WDT:
    def __init__(self, timeout=5000):
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        world.watchdog_ms = timeout
        world.fed_at = time.ticks_ms()

    def feed(self):
        now = time.ticks_ms()
        if time.ticks_diff(now, world.fed_at) > world.watchdog_ms:
            world.reset_cause = WDT_RESET
            raise Reset()
        world.fed_at = now


def _crc(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


class _Am2320:
    """Awake for 3 s after it was addressed; gives what it measured before this read."""

    def __init__(self):
        self._awake_until = None
        self._ready_at = None
        self._measured = None
        self._asked = False

    def _is_awake(self):
        now = time.ticks_ms()
        return self._awake_until is not None and time.ticks_diff(self._awake_until, now) > 0

    def write(self, data):
        now = time.ticks_ms()
        if not self._is_awake():
            self._awake_until = time.ticks_add(now, 3000)
            self._ready_at = time.ticks_add(now, 1)
            raise OSError(19)
        if time.ticks_diff(now, self._ready_at) < 0:
            raise OSError(19)
        self._asked = data == b"\x03\x00\x04"

    def read(self, buf):
        if not self._is_awake() or not self._asked:
            raise OSError(19)
        self._asked = False
        now = world.weather()
        humidity, temperature = self._measured or (now[1], now[0])
        self._measured = (now[1], now[0])
        self._awake_until = time.ticks_add(time.ticks_ms(), 3000)
        sign = 0x8000 if temperature < 0 else 0
        raw = abs(temperature) | sign
        answer = bytearray((3, 4, humidity >> 8, humidity & 255, raw >> 8, raw & 255, 0, 0))
        crc = _crc(answer[:6])
        answer[6] = crc & 255
        answer[7] = crc >> 8
        if world.flip_am2320:
            world.flip_am2320 -= 1
            answer[4] ^= 4
        for i in range(len(buf)):
            buf[i] = answer[i] if i < 8 else 255


# The data sheet's example sensor.
_WORDS = (408, -72, -14383, 32741, 32757, 23153, 6190, 4, -32768, -8711, 2868)


class _Bmp180:
    def __init__(self):
        self._memory = bytearray(256)
        self._memory[0xD0] = 0x55
        for i, word in enumerate(_WORDS):
            self._memory[0xAA + 2 * i] = (word >> 8) & 255
            self._memory[0xAB + 2 * i] = word & 255
        self._ready_at = None
        self._result = b"\0\0\0"

    def write(self, register, data):
        self._memory[register] = data[0]
        if register != 0xF4:
            return
        # Temperature is UT as it is, pressure the raw value the world asks for.
        ut, up = world.raw_bmp180()
        if data[0] == 0x2E:
            self._result = bytes((ut >> 8, ut & 255, 0))
            self._ready_at = time.ticks_add(time.ticks_us(), 4500)
        else:
            oss = data[0] >> 6
            raw = up << 8 - oss if oss else up << 8
            self._result = bytes((raw >> 16 & 255, raw >> 8 & 255, raw & 255))
            self._ready_at = time.ticks_add(time.ticks_us(), (4500, 7500, 13500, 25500)[oss])

    def read(self, register, buf):
        if register == 0xF6 and self._ready_at is not None:
            # Asked too early it still has the last result.
            if time.ticks_diff(time.ticks_us(), self._ready_at) >= 0:
                self._memory[0xF6:0xF9] = self._result
        for i in range(len(buf)):
            buf[i] = self._memory[register + i]


class I2C:
    _am2320 = _Am2320()
    _bmp180 = _Bmp180()

    def __init__(self, number, scl, sda, freq):
        world.scl = scl.number
        world.sda = sda.number

    def _check(self, address):
        if world.stuck_pulses > 0:
            raise OSError(116)
        if address == 0x5C and world.has_am2320:
            return self._am2320
        if address == 0x77 and world.has_bmp180:
            return self._bmp180
        raise OSError(19)

    def writeto(self, address, data):
        device = self._check(address)
        device.write(data)
        return len(data)

    def readfrom_into(self, address, buf):
        self._check(address).read(buf)

    def readfrom_mem(self, address, register, size):
        buf = bytearray(size)
        self._check(address).read(register, buf)
        return bytes(buf)

    def readfrom_mem_into(self, address, register, buf):
        self._check(address).read(register, buf)

    def writeto_mem(self, address, register, data):
        self._check(address).write(register, data)
