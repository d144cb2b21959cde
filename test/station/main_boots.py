# Boots of main.py around a station that fails in many ways: how they are counted, what is kept of
# them, and when safe mode comes.
import gc
import json
import os
import sys

import crash
import install

import esp32
import machine
import world

crash.FILE = os.getcwd() + "/last_error.json"
world.nvs.clear()
opened = []


class Time:
    """The two seconds for Ctrl-C pass at once."""

    now = 0

    def ticks_ms(self):
        Time.now += 1000
        return Time.now

    def ticks_diff(self, a, b):
        return a - b

    def sleep_ms(self, ms):
        pass


class Queue:
    flushed = 0

    def flush(self):
        Queue.flushed += 1


class Station:
    act = None

    def __init__(self, boots, number):
        self.boots = boots
        self.queue = Queue()

    def run(self):
        gc.disable()  # as the real one
        Station.act(self)

    def leave(self):
        pass


class Timer:
    """Of a trial: its two minutes never pass here."""

    ONE_SHOT = 0

    def __init__(self, number):
        pass

    def init(self, mode, period, callback):
        pass


class Wifi:
    def __init__(self, settings, symbol, log):
        self._symbol = symbol

    def open_access_point(self):
        opened.append(self._symbol)


def module(name, **members):
    made = type(name, (), {})()
    for key in members:
        setattr(made, key, members[key])
    sys.modules[name] = made
    return made


module("wifi", Wifi=Wifi)
sys.modules["time"] = Time()
for folder in sys.path:
    try:
        source = open(folder + "/main.py").read()
        break
    except OSError:
        pass


def boot(name, act, cause=machine.HARD_RESET, damaged=False):
    """One boot of main.py; act is what the station does once it runs."""
    world.reset_cause = cause
    Station.act = act
    sys.modules.pop("station", None)
    if not damaged:
        module("station", Station=Station)
    else:
        module("station")  # nothing in it, as a file that a power cut has emptied
    del opened[:]
    ended = "prompt"
    try:
        exec(source, {"__name__": "__main__"})
    except machine.Reset:
        ended = "reset"
    except esp32.PowerCut:
        ended = "silent"
    print(json.dumps({"name": name, "ended": ended, "safe": opened[:], "fails": world.nvs.get("fails"),
                      "error": crash.last()[1], "collects": gc.isenabled()}))
    gc.enable()


def crashes(station):
    raise ValueError("pin")


def panics(station):
    """The runtime dies: no handler of ours runs."""
    raise esp32.PowerCut()


def lives(station):
    station.boots.went_well()
    raise esp32.PowerCut()


def interrupted(station):
    raise KeyboardInterrupt()


def full(station):
    kept = []
    while True:
        kept.append(bytearray(4096))


boot("lives", lives, machine.PWRON_RESET)
for i in range(3):
    boot("crashes", crashes)
boot("is safe", crashes)
boot("has one try", crashes)
boot("is safe again", crashes)
boot("works at last", lives)
for i in range(3):
    boot("panics", panics)
boot("is safe from panics", panics)
boot("power on behind it", lives, machine.PWRON_RESET)
for i in range(6):
    boot("power flickers", panics, machine.PWRON_RESET)
boot("crashes after them", crashes, machine.PWRON_RESET)
boot("is interrupted", interrupted)
for i in range(3):
    boot("is damaged", lives, damaged=True)
boot("is safe though damaged", lives, damaged=True)
boot("is interrupted there", interrupted)
boot("heap is full", full)

# An update over the air that crashes at once: its fourth boot brings the old files back, and these
# find no safe mode.
install.ROOT = os.getcwd() + "/"
machine.Timer = Timer
world.nvs["fails"] = 0
with open(".old.pack", "wb") as file:
    file.write(b"\0" + json.dumps({"files": [], "remove": [], "trial": False}) + "\n")
for name in ("update", "update", "update", "update reverted", "old files"):
    act = crashes if name == "update" else lives
    try:
        install.run()
    except machine.Reset:
        print(json.dumps({"name": name, "ended": "reset", "safe": [], "fails": world.nvs["fails"]}))
        continue
    boot(name, act)
