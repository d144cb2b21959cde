# A day of the whole station, main.py and all, in virtual time: outages, power cuts, wrong time
# servers, dying sensors. Says each record that was taken, what each boot counted, and at the end
# what still waits. Argument: the settings, as a file.
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


firmware = [path for path in sys.path if path.endswith("firmware/micropython")][0]
modules = [name[:-3] for name in os.listdir(firmware) if name.endswith(".py")]
for module in ("webrepl", "ticks"):
    __import__(module)
with open(sys.argv[1]) as file:
    settings = file.read()
disk = Disk()
os.VfsLfs2.mkfs(disk)
os.umount("/")
os.mount(os.VfsLfs2(disk), "/")
os.mount(os.VfsPosix(firmware), "/firmware")
with open("/station.json", "w") as file:
    file.write(settings)
sys.path[:] = ["/firmware", ".frozen"]

# Seven hours offline are some 16 pages: the oldest will have to go.
world.pages = 13
world.ntp = {"a": None, "b": None}


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


off_s = {}  # how long the power stays away after a cut, by its hour; 5 s else
for hour, action in (
    (0.33, set_ntp(0, 0)),
    (2.0, set_world(wifi=False)),
    (2.7, set_world(wifi=True)),
    (3.0, cut),
    # A boot that never learns the time, ten minutes after the one before.
    (3.5, set_ntp(None, None)),
    (3.6, cut),
    (3.9, cut),
    (4.0, set_ntp(0, 0)),
    (5.0, set_world(has_am2320=False)),
    (5.4, set_world(has_am2320=True)),
    (6.0, set_world(has_bmp180=False)),
    (6.3, set_world(has_bmp180=True)),
    (6.5, set_world(has_am2320=False, has_bmp180=False)),
    (6.7, set_world(has_am2320=True, has_bmp180=True)),
    # Set back, gently and far, and forward again.
    (7.0, set_ntp(-1500, -1500)),
    (9.0, set_ntp(0, 0)),
    (10.0, set_ntp(-90000, -90000)),
    (12.0, set_ntp(0, 0)),
    # One that lies, and one that does not.
    (12.4, set_ntp(10 * 24 * HOUR * 1000, 0)),
    (12.9, set_ntp(0, 0)),
    (13.0, set_world(wifi=False)),
    (16.0, cut),
    (20.0, set_world(wifi=True)),
    (23.8, set_world(wifi=False)),
    (24.0, end),
):
    time.at(hour * HOUR, action)
off_s[3.6] = 600
# The power fails within what is written, at any byte of it.
for i in range(20):
    time.at((20.5 + i / 10) * HOUR, cut_at_flash(1 + i % 3, i % 12))


def watch():
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


def boot(ticks):
    for name in modules:
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
    watch()
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
            sent=station.upload.sent,
        )
    else:
        say(ended=why, hour=time.us / HOUR / 1000000)
    return why


# The chip's counter wraps in the first hour.
why = boot(virtual_time.PERIOD - HOUR * 1000)
while why != "over":
    if why == "stopped":
        raise RuntimeError("safe mode")
    if why == "cut":
        time.sleep(off_s.get(round(time.us / HOUR / 1000000, 1), 5))
    why = boot(0)
queue = world.station.queue
queue.begin()
while queue.next():
    at = queue.at
    say(queued=[queue.s * 1000 + queue.ms, at.t, at.h, at.c, at.p])
