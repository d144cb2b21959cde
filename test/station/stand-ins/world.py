# What surrounds the station under test: weather, faults, flash. Outlives the station's boots.
import math

reset_cause = 1
rtc = (2000, 1, 1, 5, 0, 0, 0, 0)
sda = scl = -1
stuck_pulses = 0
has_am2320 = has_bmp180 = True
flip_am2320 = 0
led = None
watchdog_ms = 0
fed_at = 0
wifi = True
ssid = "Rooftop"
password = "sandbox-wifi"
ap = False
webrepl = False
guests = 0
nvs = {}
# Time servers by name: how many ms they are wrong, None while they are silent.
ntp = {}
pages = 448
flash = None
console = []
_seed = 1


def random():
    """A small seeded generator: the same weather in every run."""
    global _seed
    _seed = (_seed * 1103515245 + 12345) & 0x7FFFFFFF
    return _seed >> 16


seconds = 0
# When the world began: 2026-08-27T13:20:00Z, whatever the computer's clock says.
BEGAN_UNIX_MS = 1787836800000


def unix_ms():
    """The true time."""
    import time

    return BEGAN_UNIX_MS + time.ms()


def weather():
    """(temperature, humidity) in tenths: a day's wave, drift and the last digit's flutter."""
    wave = math.sin(2 * math.pi * (seconds % 86400) / 86400)
    flutter = random() % 3 - 1 if random() % 8 == 0 else 0
    return int(120 + 70 * wave) + flutter, int(600 - 250 * wave) + random() % 3 - 1


def raw_bmp180():
    """(UT, UP) near the data sheet's example; UP for oversampling 3, with its noise."""
    wave = math.sin(2 * math.pi * (seconds % 43200) / 43200)
    noise = random() % 13 - 6
    return 27898 + int(30 * wave) + random() % 3 - 1, 240000 + int(1200 * wave) + noise
