# The start of the chip's firmware before the user's files: mounts "/" or makes it.
import os
from esp32 import Partition

BOOT = """\
# This file is executed on every boot (including wake-boot from deepsleep)
#import esp
#esp.osdebug(None)
#import webrepl
#webrepl.start()
"""

CORRUPT = """\
The filesystem appears to be corrupted. If you had important data there, you
may want to make a flash snapshot to try to recover it. Otherwise, perform
factory reprogramming of MicroPython firmware (completely erase flash, followed
by firmware programming).
"""


def start(main):
    found = Partition.find(Partition.TYPE_DATA, label="vfs")
    if not found:
        return
    bdev = found[0]
    main["bdev"] = bdev
    try:
        os.mount(os.VfsLfs2(bdev), "/")
    except OSError:
        setup(bdev)


def setup(bdev):
    check_blank(bdev)
    print("Performing initial setup")
    os.VfsLfs2.mkfs(bdev)
    os.mount(os.VfsLfs2(bdev), "/")
    with open("boot.py", "w") as f:
        f.write(BOOT)


def check_blank(bdev):
    buf = bytearray(bdev.ioctl(5, 0))
    bdev.readblocks(0, buf)
    for byte in buf:
        if byte != 0xFF:
            corrupted()


def corrupted():
    import time

    while True:
        print(CORRUPT)
        time.sleep(3)
