# The whole station, main.py and all, in virtual time: its boots one after another over one flash and
# one file system. What it takes and what each boot counted is said as JSON, line by line.
import gc
import json
import os
import sys

import esp32
import virtual_net
import virtual_time
import world

time = virtual_time.VirtualTime()
sys.modules["time"] = time
sys.modules["socket"] = virtual_net.Socket()
sys.modules["select"] = virtual_net.Select()

import machine
import network

HOUR = 3600
_firmware = [path for path in sys.path if path.endswith("firmware/micropython")][0]
_modules = [name[:-3] for name in os.listdir(_firmware) if name.endswith(".py")]
# Looked for while the computer's files are still there.
for name in ("webrepl", "ticks"):
    __import__(name)


class Disk:
    """Flash for the board's file system, LittleFS as on the chip."""

    def __init__(self):
        self._blocks = [bytearray(4096) for _ in range(24)]

    def readblocks(self, block, buf, offset=0):
        buf[:] = memoryview(self._blocks[block])[offset : offset + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        self._blocks[block][offset : offset + len(buf)] = buf

    def ioctl(self, what, block):
        return {4: len(self._blocks), 5: 4096, 6: 0}.get(what)


def install(settings):
    """A board with these settings, a file of the computer's, and nothing else."""
    with open(settings) as file:
        text = file.read()
    disk = Disk()
    os.VfsLfs2.mkfs(disk)
    os.umount("/")
    os.mount(os.VfsLfs2(disk), "/")
    os.mount(os.VfsPosix(_firmware), "/firmware")
    sys.path[:] = ["/firmware", ".frozen"]
    with open("/station.json", "w") as file:
        file.write(text)


class Over(BaseException):
    pass


def say(**what):
    print(json.dumps(what))


def set_world(**values):
    def change():
        for name in values:
            setattr(world, name, values[name])

    return change


def set_ntp(a, b):
    return set_world(ntp={"a": a, "b": b})


def cut():
    raise esp32.PowerCut()


def cut_at_flash(operations, torn):
    def arm():
        world.flash.cut_at = world.flash.operations + operations
        world.flash.torn = torn

    return arm


def end():
    raise Over()


def _watch():
    """This boot's modules, loaded anew: all that is taken is told, and one loop runs it all."""
    import net
    import queue
    import station

    # As seldom as a day of it needs to be over in a minute.
    net._IDLE_MS = 400
    append = queue.Queue.append
    init = station.Station.__init__

    def told_append(self, s, ms, t, h, c, p):
        what = [world.unix_ms(), t, h, c, p]
        try:
            append(self, s, ms, t, h, c, p)
        except esp32.PowerCut:
            say(torn=what)
            raise
        say(taken=what)

    def told_init(self, boots, boot):
        init(self, boots, boot)
        world.station = self

    queue.Queue.append = told_append
    station.Station.__init__ = told_init
    station.Station._start_thread = lambda self: None


def boot(ticks=0):
    """One boot until it ends; returns how: reset, cut, over, or stopped in safe mode."""
    for name in _modules:
        if name in sys.modules:
            del sys.modules[name]
    network.WLAN._joined = False
    network.WLAN._active = [False, False]
    # The sensor's own clock goes on while the chip's begins anew: here both are one.
    machine.I2C._am2320 = machine._Am2320()
    machine.I2C._bmp180 = machine._Bmp180()
    world.station = None
    time.boot(ticks)
    gc.enable()
    gc.collect()
    _watch()
    try:
        __import__("main")
        why = "stopped"
    except machine.Reset:
        why = "reset"
    except esp32.PowerCut:
        why = "cut"
        world.reset_cause = machine.PWRON_RESET
    except Over:
        why = "over"
    gc.enable()  # the station has switched it off
    station = world.station
    if station:
        say(
            ended=why,
            hour=time.us / HOUR / 1000000,
            taken=station.sampler.taken,
            missed=station.sampler.slots.missed,
            dropped=station.queue.dropped,
            damaged=station.queue.damaged(),
            refused=station.status.refused,
            clock=station.clock.state(),
        )
    else:
        say(ended=why, hour=time.us / HOUR / 1000000)
    return why


def live(ticks=0, off_s={}):
    """Boots until end(). The power stays away for 5 s, or as off_s says of the hour it was cut."""
    why = boot(ticks)
    while why != "over":
        if why == "stopped":
            raise RuntimeError("safe mode")
        if why == "cut":
            time.sleep(off_s.get(round(time.us / HOUR / 1000000, 1), 5))
        why = boot()
