# What the computer asks a board first. Here the questions cost the wire a line; src/station/board.ts
# and src/device/files.ts send them in full to a board that has no such module, or another one.
import binascii
import hashlib
import json
import os
import sys


def facts(scl, sda):
    """One line each: MAC, version, machine, .mpy version, bus addresses, station.json and its sum."""
    import machine

    text = None
    settings = {}
    try:
        with open("station.json") as file:
            text = file.read()
        settings = json.loads(text)
    except (OSError, ValueError):
        pass
    print("m", binascii.hexlify(machine.unique_id()).decode())
    print("v", os.uname().release)
    print("h", os.uname().machine)
    print("y", getattr(sys.implementation, "_mpy", 0))
    try:
        pins = machine.Pin(settings.get("scl", scl)), machine.Pin(settings.get("sda", sda))
        bus = machine.I2C(0, scl=pins[0], sda=pins[1], freq=50000)
        bus.scan()  # an AM2320 sleeps: the second one sees it
        print("s", *bus.scan())
    except Exception:
        print("s")
    if text is not None:
        print("x", binascii.crc32(text.encode()))
        print("j", text)


def _hash(name, buffer):
    digest = hashlib.sha256()
    with open(name, "rb") as file:
        while True:
            size = file.readinto(buffer)
            if not size:
                return binascii.hexlify(digest.digest()[:8]).decode()
            digest.update(buffer[:size])


def digest():
    """One hash of the names and hashes of all code and settings."""
    buffer = memoryview(bytearray(1024))
    lines = sorted(
        name + " " + _hash(name, buffer)
        for name in os.listdir()
        if name.rsplit(".")[-1] in ("py", "mpy", "der") or name == "station.json"
    )
    print(binascii.hexlify(hashlib.sha256("\n".join(lines).encode()).digest()[:8]).decode())
