import _wx as wx
import json
from _board import call, taken

_about = json.loads(wx.about())
_CAUSES = {"power-on": 1, "enable-pin": 1, "software": 2, "watchdog": 3, "deep-sleep": 4, "brown-out": 1}

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
SLEEP = 2
DEEPSLEEP = 4
PIN_WAKE = 2
EXT0_WAKE = 2
EXT1_WAKE = 3
TIMER_WAKE = 4
TOUCHPAD_WAKE = 5
ULP_WAKE = 6

_FREQUENCIES = (20000000, 40000000, 80000000, 160000000, 240000000)
_frequency = 160000000


def unique_id():
    return bytes(int(_about["mac"][i : i + 2], 16) for i in range(0, 12, 2))


def freq(hz=None):
    global _frequency
    if hz is None:
        return _frequency
    if hz not in _FREQUENCIES:
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    _frequency = hz


def reset():
    wx.reset("software")


def soft_reset():
    wx.soft_reset()
    raise SystemExit


def reset_cause():
    return SOFT_RESET if _about["soft"] else _CAUSES[_about["cause"]]


def wake_reason():
    return TIMER_WAKE if _about["cause"] == "deep-sleep" else 0


def idle():
    if wx.sleep(1):
        raise KeyboardInterrupt


def deepsleep(ms=None):
    wx.deepsleep(-1 if ms is None else ms)


def lightsleep(ms=None):
    if wx.sleep(ms if ms is not None else 4294967295.0):
        raise KeyboardInterrupt


sleep = lightsleep


class _Memory:
    def __init__(self, bits):
        self._bits = bits

    def __repr__(self):
        return "<%d-bit memory>" % self._bits

    def _word(self, address):
        size = self._bits // 8
        address &= 0xFFFFFFFF
        if address % size:
            raise ValueError("address %08x is not aligned to %d bytes" % (address, size))
        return address & ~3, address % 4 * 8, (1 << self._bits) - 1

    def __getitem__(self, address):
        address, shift, mask = self._word(address)
        return (call("memory_read", address)[0] >> shift) & mask

    def __setitem__(self, address, value):
        address, shift, mask = self._word(address)
        call("memory_write", address, (value & mask) << shift, mask << shift)


mem8 = _Memory(8)
mem16 = _Memory(16)
mem32 = _Memory(32)


def disable_irq():
    return wx.disable_timers(1)


def enable_irq(state):
    wx.disable_timers(state)


class Pin:
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2
    WAKE_LOW = 4
    WAKE_HIGH = 5
    DRIVE_0 = 0
    DRIVE_1 = 1
    DRIVE_2 = 2
    DRIVE_3 = 3

    _NONE = (24, 28, 29, 30, 31)
    _levels = {}

    def __init__(self, id, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if isinstance(id, Pin):
            id = id._id
        if not isinstance(id, int) or not 0 <= id < 40 or id in Pin._NONE:
            raise ValueError("invalid pin")
        self._id = id
        self._mode = None
        self._pull = 0
        if mode != -1 or pull != -1 or value is not None:
            self.init(mode, pull, value=value)

    def __repr__(self):
        return "Pin(%d)" % self._id

    def init(self, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if mode in (Pin.OUT, Pin.OPEN_DRAIN) and self._id >= 34:
            raise ValueError("pin can only be input")
        if pull != -1:
            self._pull = 1 if pull == Pin.PULL_UP else 0
        if mode != -1:
            self._mode = mode
        if value is not None:
            Pin._levels[self._id] = 1 if value else 0
        if self._mode in (Pin.OUT, Pin.OPEN_DRAIN):
            self._drive(Pin._levels.get(self._id, 0))
        elif mode == Pin.IN:
            call("pin_drive", self._id, None)

    def _drive(self, level):
        Pin._levels[self._id] = level
        call("pin_drive", self._id, None if level and self._mode == Pin.OPEN_DRAIN else level)

    def value(self, value=None):
        if value is None:
            return call("pin_read", self._id, self._pull)[0]
        self._drive(1 if value else 0)

    __call__ = value

    def on(self):
        self._drive(1)

    def off(self):
        self._drive(0)

    def toggle(self):
        self._drive(1 - Pin._levels.get(self._id, 0))

    def irq(self, handler=None, trigger=3, wake=None):
        return _IRQ()


class _IRQ:
    def __repr__(self):
        return "<IRQ>"

    def __call__(self):
        pass

    def flags(self):
        return 0

    def trigger(self, trigger=None):
        return 0


class Signal:
    def __init__(self, pin, *args, invert=False, **kwargs):
        self._pin = pin if isinstance(pin, Pin) else Pin(pin, *args, **kwargs)
        self._invert = invert

    def value(self, value=None):
        if value is None:
            return self._pin.value() ^ (1 if self._invert else 0)
        self._pin.value((1 if value else 0) ^ (1 if self._invert else 0))

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)


def time_pulse_us(pin, level, timeout_us=1000000):
    if wx.sleep(timeout_us / 1000):
        raise KeyboardInterrupt
    return -2 if pin.value() != level else -1


def _pin_number(pin):
    return pin._id if isinstance(pin, Pin) else Pin(pin)._id


class SoftI2C:
    _software = True

    def __init__(self, scl, sda, *, freq=500000, timeout=50000):
        self._scl = _pin_number(scl)
        self._sda = _pin_number(sda)
        self._freq = freq

    def __repr__(self):
        return "SoftI2C(scl=%d, sda=%d, freq=%d)" % (self._scl, self._sda, self._freq)

    def _transfer(self, address, data, size):
        return taken(call("i2c", self._scl, self._sda, address, size, data=data)[1])

    def scan(self):
        found = []
        for address in range(8, 0x78):
            try:
                self._transfer(address, None, -1)
                found.append(address)
            except OSError as e:
                if e.errno not in (5, 19):
                    raise
        return found

    def writeto(self, address, data, stop=True):
        self._transfer(address, data, -1)
        # Acknowledged bytes; the hardware driver counts the address too where nothing follows.
        return len(data)

    def writevto(self, address, vector, stop=True):
        return self.writeto(address, b"".join(vector), stop)

    def readfrom(self, address, size, stop=True):
        if size == 0:
            return b""
        return self._transfer(address, None, size)

    def readfrom_into(self, address, buf, stop=True):
        buf[:] = self.readfrom(address, len(buf))

    def _register(self, register, bits):
        return register.to_bytes(bits // 8, "big")

    def readfrom_mem(self, address, register, size, *, addrsize=8):
        return self._transfer(address, self._register(register, addrsize), size)

    def readfrom_mem_into(self, address, register, buf, *, addrsize=8):
        buf[:] = self.readfrom_mem(address, register, len(buf), addrsize=addrsize)

    def writeto_mem(self, address, register, data, *, addrsize=8):
        self._transfer(address, self._register(register, addrsize) + bytes(data), -1)

    def start(self):
        pass

    def stop(self):
        pass


class I2C(SoftI2C):
    _kept = {}
    _DEFAULTS = {0: (18, 19), 1: (25, 26)}

    def __new__(cls, id=-1, *args, **kwargs):
        if id in cls._kept:
            return cls._kept[id]
        return object.__new__(cls)

    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        if id not in (0, 1):
            raise ValueError("I2C(%d) doesn't exist" % id)
        known = I2C._pins.get(id, I2C._DEFAULTS[id])
        self._id = id
        self._scl = known[0] if scl is None else _pin_number(scl)
        self._sda = known[1] if sda is None else _pin_number(sda)
        self._freq = _real_frequency(freq)
        I2C._pins[id] = (self._scl, self._sda)

    def __repr__(self):
        return "I2C(%d, scl=%d, sda=%d, freq=%d)" % (self._id, self._scl, self._sda, self._freq)


I2C._pins = {}


def _real_frequency(hz):
    # The driver divides 80 MHz down and adds its own edges: 400 kHz come out as 416666.
    half = 40000000 // min(max(hz, 1), 400000)
    return 40000000 // (half - 4 if hz >= 400000 else half - 4)


class PWM:
    _channels = {}

    def __init__(self, pin, *, freq=None, duty=None, duty_u16=None, duty_ns=None, invert=0):
        self._id = _pin_number(pin)
        if self._id >= 34:
            raise ValueError("PWM not supported on Pin(%d)" % self._id)
        self._freq = 5000
        self._kind = "duty"
        self._duty = 0
        self._active = True
        self.init(freq=freq, duty=duty, duty_u16=duty_u16, duty_ns=duty_ns)

    def init(self, *, freq=None, duty=None, duty_u16=None, duty_ns=None, invert=0):
        if sum(1 for one in (duty, duty_u16, duty_ns) if one is not None) > 1:
            raise ValueError("only one of parameters 'duty', 'duty_u16' or 'duty_ns' is allowed")
        channels = PWM._channels
        if self._id not in channels:
            if len(channels) >= 16:
                raise ValueError("out of PWM channels:16")
            timers = set(channels.values())
            if freq is not None and freq not in timers and len(timers) >= 8:
                raise ValueError("out of PWM timers:8")
        self._active = True
        channels[self._id] = freq if freq is not None else self._freq
        if freq is not None:
            self.freq(freq)
        if duty is not None:
            self.duty(duty)
        if duty_u16 is not None:
            self.duty_u16(duty_u16)
        if duty_ns is not None:
            self.duty_ns(duty_ns)

    def deinit(self):
        self._active = False
        PWM._channels.pop(self._id, None)

    def _resolution(self):
        bits = 1
        while bits < 16 and (1 << (bits + 1)) * self._freq <= 80000000:
            bits += 1
        return min(16, bits)

    def __repr__(self):
        if not self._active:
            return "PWM(Pin(%d))" % self._id
        bits = self._resolution()
        value = {"duty": self.duty, "duty_u16": self.duty_u16, "duty_ns": self.duty_ns}[self._kind]()
        return (
            "PWM(Pin(%d), freq=%d, %s=%d, resolution=%d, (duty=%.2f%%, resolution=%.3f%%), "
            "mode=0, channel=0, timer=0)"
            % (self._id, self._freq, self._kind, value, bits, self._duty * 100 / 65536, 100 / (1 << bits))
        )

    def _check(self):
        if not self._active:
            raise RuntimeError("PWM inactive")

    def freq(self, hz=None):
        self._check()
        if hz is None:
            return self._freq
        if not 1 <= hz <= 40000000:
            raise ValueError("frequency must be from 1Hz to 40MHz")
        self._freq = hz
        PWM._channels[self._id] = hz

    def duty(self, value=None):
        self._check()
        if value is None:
            return self._duty >> 6
        if not 0 <= value <= 1023:
            raise ValueError("duty must be from 0 to 1023")
        self._duty, self._kind = (65536 if value == 1023 else value << 6), "duty"
        self._duty = min(self._duty, 65535)

    def duty_u16(self, value=None):
        self._check()
        if value is None:
            return self._duty
        if not 0 <= value <= 65535:
            raise ValueError("duty_u16 must be from 0 to 65535")
        self._duty, self._kind = value, "duty_u16"

    def duty_ns(self, value=None):
        self._check()
        period = 1000000000 // self._freq
        if value is None:
            return self._duty * period // 65536
        if not 0 <= value <= period:
            raise ValueError("duty_ns must be from 0 to %d ns" % period)
        self._duty, self._kind = value * 65535 // period, "duty_ns"


class RTC:
    _kept = None
    _memory = b""

    def __new__(cls):
        if cls._kept is None:
            cls._kept = object.__new__(cls)
        return cls._kept

    def __repr__(self):
        return "<RTC>"

    def datetime(self, value=None):
        import time

        if value is None:
            seconds, micros = wx.rtc_seconds(), wx.rtc_micros()
            year, month, day, hour, minute, second, weekday, _ = time.gmtime(seconds)
            return (year, month, day, weekday, hour, minute, second, micros)
        if len(value) != 8:
            raise ValueError("requested length 8 but object has length %d" % len(value))
        year, month, day, _, hour, minute, second, micros = value
        wx.set_rtc(time._mktime(year, month, day, hour, minute, second), micros)

    def init(self, value):
        self.datetime(value)

    def memory(self, value=None):
        if value is None:
            _, size = call("rtc_memory")
            return taken(size)
        value = bytes(value)
        if len(value) > 2048:
            raise ValueError("buffer too long")
        call("rtc_memory_set", data=value)


class WDT:
    _kept = None

    def __new__(cls, id=0, timeout=5000):
        if id != 0:
            raise ValueError
        if not isinstance(timeout, int):
            raise TypeError("can't convert %s to int" % type(timeout).__name__)
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        if cls._kept is None:
            cls._kept = object.__new__(cls)
        call("watchdog", timeout)
        return cls._kept

    def __init__(self, id=0, timeout=5000):
        pass

    def __repr__(self):
        return "<WDT>"

    def feed(self):
        call("feed")


class Timer:
    ONE_SHOT = 0
    PERIODIC = 1
    _kept = {}

    def __new__(cls, id=-1, **kwargs):
        # Four hardware timers; other numbers fall on them.
        id &= 3
        if id not in cls._kept:
            cls._kept[id] = object.__new__(cls)
            cls._kept[id]._setup(id)
        return cls._kept[id]

    def __init__(self, id=-1, **kwargs):
        if kwargs:
            self.init(**kwargs)

    def _setup(self, id):
        self._id = id
        self._mode = 0
        self._period = 0

    def __repr__(self):
        mode = "PERIODIC" if self._mode else "ONE_SHOT"
        return "Timer(%d, mode=%s, period=%d)" % (self._id, mode, self._period)

    def init(self, *, mode=1, period=-1, callback=None, freq=None, tick_hz=1000, hard=False):
        self._mode = mode
        self._period = int(1000 / freq) if freq else int(period * 1000 / tick_hz)
        if callback is None:
            return

        def fire():
            try:
                callback(self)
            except BaseException as e:
                import sys

                sys.print_exception(e)

        self._fire = fire
        wx.timer(self._id, self._period, mode == Timer.PERIODIC, fire)

    def deinit(self):
        wx.timer_off(self._id)
        self._mode = 0 if not self._period else self._mode

    def value(self):
        return 0


class ADC:
    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3
    WIDTH_9BIT = 9
    WIDTH_10BIT = 10
    WIDTH_11BIT = 11
    WIDTH_12BIT = 12
    _PINS = (36, 37, 38, 39, 32, 33, 34, 35, 4, 0, 2, 15, 13, 12, 14, 27, 25, 26)

    def __init__(self, pin, *, atten=0):
        self._id = _pin_number(pin)
        if self._id not in ADC._PINS:
            raise ValueError("invalid pin")
        self._atten = atten

    def __repr__(self):
        return "ADC(Pin(%d), atten=%d)" % (self._id, self._atten)

    def atten(self, value):
        self._atten = value

    def width(self, value):
        pass

    def read(self):
        return 0

    def read_u16(self):
        return 0

    def read_uv(self):
        return 0


class UART:
    INV_TX = 32
    INV_RX = 4
    RTS = 1
    CTS = 2

    def __init__(self, id, baudrate=115200, bits=8, parity=None, stop=1, *, tx=17, rx=16, **kwargs):
        if not 0 <= id <= 2:
            raise ValueError("UART(%d) does not exist" % id)
        if id == 0:
            raise OSError(-259, "ESP_ERR_INVALID_STATE")
        self._row = (id, baudrate, bits, parity, stop, _pin_number(tx), _pin_number(rx))

    def __repr__(self):
        return (
            "UART(%d, baudrate=%d, bits=%d, parity=%s, stop=%d, tx=%d, rx=%d, rts=-1, cts=-1, "
            "txbuf=256, rxbuf=256, timeout=0, timeout_char=0)" % self._row
        )

    def any(self):
        return 0

    def read(self, size=-1):
        return None

    def readline(self):
        return None

    def write(self, data):
        return len(data)

    def deinit(self):
        pass
