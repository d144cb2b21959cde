# A file system for a chip that has none. Tracebacks show its lines: their numbers are recorded.
import vfs
from flashbdev import bdev


def check_bootsec():
    buf = bytearray(bdev.ioctl(5, 0))
    bdev.readblocks(0, buf)
    for byte in buf:
        if byte != 0xFF:
            # Somebody's data: nothing here may write over it.
            break
    else:
        return
    fs_corrupted()


CORRUPT = """\
The filesystem appears to be corrupted. If you had important data there, you
may want to make a flash snapshot to try to recover it. Otherwise, perform
factory reprogramming of MicroPython firmware (completely erase flash, followed
by firmware programming).
"""


def fs_corrupted():
    import time

    # Only Ctrl-C ends it: whoever sees this may want to save what is left.
    # The recorded pace.
    while True:
        print(CORRUPT)

        time.sleep(3)


def setup():
    check_bootsec()
    print("Performing initial setup")
    vfs.VfsLfs2.mkfs(bdev)
    vfs.mount(vfs.VfsLfs2(bdev), "/")
    with open("boot.py", "w") as f:
        f.write(BOOT)


BOOT = """\
# This file is executed on every boot (including wake-boot from deepsleep)
#import esp
#esp.osdebug(None)
#import webrepl
#webrepl.start()
"""
