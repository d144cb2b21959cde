# Drivers, codecs, clock and signing by the vectors of the shared facts and the data sheets.
import binascii
import json
import random

import am2320
import bmp180
import clock
import codec
import crc
import http
import sampler
import sha384
import signing
from sampler import Slots
from uplink import Refusals

import machine
import world
from ticks import Ticks


def check(name, got, want):
    print(json.dumps({"name": name, "got": got, "want": want}))


class Canned:
    """A bus on which the sensor answers these bytes."""

    def __init__(self, answer):
        self.answer = answer

    def writeto(self, address, data):
        return len(data)

    def readfrom_into(self, address, buf):
        buf[:] = self.answer


for digits, humidity, temperature in (
    ("030401f400fa31a5", 500, 250),
    ("030401c5806541c2", 453, -101),
    ("030403e7032040b3", 999, 800),
):
    sensor = am2320.AM2320(Canned(binascii.unhexlify(digits)))
    check("am2320 stale", sensor.read(), False)
    sensor.read()
    check("am2320 " + digits, [sensor.humidity, sensor.temperature], [humidity, temperature])
bad = am2320.AM2320(Canned(binascii.unhexlify("030401f400fb31a5")))
try:
    bad.read()
    check("am2320 crc", "read", "refused")
except OSError as error:
    check("am2320 crc", error.args[0], "am2320 crc")

sensor = bmp180.BMP180(None, 0)
sensor._cal = (408, -72, -14383, 32741, 32757, 23153, 6190, 4, -32768, -8711, 2868)
sensor.compensate(27898, 23843)
check("bmp180", [sensor.temperature, sensor.pressure], [150, 69964])


def reference(cal, ut, up, oss):
    """The data sheet's formulas with unlimited integers."""
    ac1, ac2, ac3, ac4, ac5, ac6, b1, b2, mb, mc, md = cal
    div = lambda a, b: (abs(a) // abs(b)) * (1 if (a < 0) == (b < 0) else -1)
    x1 = (ut - ac6) * ac5 >> 15
    b5 = x1 + div(mc << 11, x1 + md)
    b6 = b5 - 4000
    x3 = (b2 * (b6 * b6 >> 12) >> 11) + (ac2 * b6 >> 11)
    b3 = div((ac1 * 4 + x3 << oss) + 2, 4)
    x3 = (ac3 * b6 >> 13) + (b1 * (b6 * b6 >> 12) >> 16) + 2 >> 2
    b4 = ac4 * (x3 + 32768) >> 15
    b7 = (up - b3) * (50000 >> oss)
    p = b7 * 2 // b4 if b7 < 0x80000000 else b7 // b4 * 2
    x1 = (p >> 8) * (p >> 8) * 3038 >> 16
    return (b5 + 8) >> 4, p + (x1 + (-7357 * p >> 16) + 3791 >> 4)


random.seed(7)
wrong = 0
for i in range(4000):
    sensor.oss = oss = i % 4
    ut = random.randint(24000, 34000)
    up = random.randint(12000, 60000) << oss | random.randint(0, (1 << oss) - 1)
    sensor.compensate(ut, up)
    if (sensor.temperature, sensor.pressure) != reference(sensor._cal, ut, up, oss):
        wrong += 1
check("bmp180 split products", wrong, 0)

wrong = 0
buf = bytearray(32)
for _ in range(3000):
    t, h = random.randint(-2048, 2047), random.randint(0, 2047)
    c, p = random.randint(-2048, 2047), random.randint(0, 131071)
    codec.put_values(buf, codec.KEY, t, h, c, p)
    if (codec.temperature_of(buf, 0), codec.humidity_of(buf, 0), codec.case_of(buf, 0),
            codec.pressure_of(buf, 0)) != (t, h, c, p) or buf[0] >> 4 != codec.KEY:
        wrong += 1
    s = random.randint(-1, 1 << 30)
    codec.put32(buf, 9, s)
    if codec.get32s(buf, 9) != s:
        wrong += 1
check("codec round trip", wrong, 0)
check("crc ccitt", crc.ccitt(b"123456789", 0, 9, 0xFFFF), 0x29B1)

text = bytearray(24)
for want in ("2020-01-01T00:00:00.000Z", "2024-02-29T23:59:59.999Z", "2026-11-24T01:02:03.004Z",
             "2028-03-01T00:00:00.000Z", "2053-12-31T12:00:00.500Z", "2100-03-01T00:00:00.000Z"):
    clock.put_time(text, 0, *clock.parse_time(want))
    check("time " + want, text.decode(), want)
check("time refused", clock.parse_time("2026-11-24 01:02:03.004Z"), None)
check("time of Unix", clock.parse_time("2026-11-24T00:00:00.000Z")[0] + clock.EPOCH_UNIX, 1795478400)

# A million readings, ticks wrapping at 2**30 in the middle: none missed, none doubled.
chip = sampler.time = Ticks()
slots = Slots(2000, (1 << 30) - 900000000)
seen = doubled = 0
last = None
for i in range(1000000):
    slot = slots.take(chip.ticks_add(slots.next, i * 7 % 1999))
    if last is not None and chip.ticks_diff(slot, last) != 2000:
        doubled += 1
    last = slot
    seen += 1
check("slots", [seen, doubled, slots.missed], [1000000, 0, 0])
slot = slots.take(chip.ticks_add(slots.next, 6500))
check("slots missed", slots.missed, 3)

for native in (True, False):
    check("sha384", sha384.Sha384(native).digest().hex()[:32], "38b060a751ac96384cd9327eb1b1e36a")
signer = signing.Signer("wx", "TEST_API_SECRET")
for method, path, query, body, want in (
    ("GET", "/api/v0/streams", "", b"", "EFKnAjPI4kiqgZ+yjk+FnlJg4UdZJoop2k6sfvxWWr2nvMJ00GaxqyU6Uj/eIr9R"),
    ("GET", "/api/v0/weather/select", "rows=1&reverse=true", b"", "MFtV04RdBTsXPMA/OrBrWtnnIPvqxqcJ5m/yoaYlA4+ah/AGE9ROQ2b2uebnZEUH"),
    ("POST", "/api/v0/weather/write", "", b'[{"symbol":"s1","temperature":21.5}]', "WuXkDxr+z6lFgtoKEDeTkD4byttVVvSCovnMcmixq+0NOqWgNcsZF3+dloLUwmMl"),
):
    got = signer.headers(method, path, query, body).split("Signature: ")[1].strip()
    check("signature " + path, got, want)

check("quote", http.quote("p&a+s%s é"), "p%26a%2Bs%25s%20%C3%A9")
check("split", list(http.split("https://h:8443/base/")), ["https", "h", 8443, "/base"])

refusals = Refusals()
answer = (
    b'[{"message":"[w] Message st-1 is out of sequence (< x)","error":"e]}","stacktrace":"[{"},'
    b'{"message":"Message is invalid:{\'symbol\':\'\\u00e9\'}","error":"x","stacktrace":""}]'
)
refusals.feed(answer, 0, len(answer))
check("refusals", [refusals.out_of_order, refusals.invalid, refusals.is_complete()], [1, 1, True])
refusals.begin()
refusals.feed(answer, 0, len(answer) - 1)
check("refusals cut", refusals.is_complete(), False)
