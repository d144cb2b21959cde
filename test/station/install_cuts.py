# Updates on a littlefs of a station's size, with the power failing at one flash operation after
# another: install.py as the board has it, boots included.
#   install_cuts.py FOLDER BLOCKS FIRST LAST STEP
# FOLDER: old/ (files on the board), new/ (files as they must be in the end), rest (the pack) and,
# where the board's install.py is replaced, installer. Without FIRST, one run that nothing cuts.
import gc
import json
import os
import sys

BLOCK = 4096
ROOT = "/board/"


class PowerCut(BaseException):
    pass


class Machine:
    class Timer:
        ONE_SHOT = 0

        def __init__(self, number):
            if number > 1:
                raise ValueError  # all that an ESP32-C3 or C6 has

        def init(self, **options):
            pass

        def deinit(self):
            pass

    @staticmethod
    def reset():
        raise PowerCut


sys.modules["machine"] = Machine


class Flash:
    """A chip; once its power has failed it takes nothing more."""

    def __init__(self, data, left=1 << 30):
        self.data = data
        self.left = left
        self.operations = 0

    def _spend(self):
        self.operations += 1
        self.left -= 1
        return self.left >= 0

    def readblocks(self, block, buf, offset=0):
        at = block * BLOCK + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        at = block * BLOCK + offset
        size = len(buf)
        whole = self._spend()
        if not whole:
            if self.left < -1:
                raise PowerCut
            size //= 2  # what was under way is half done
        self.data[at : at + size] = buf[:size]
        if not whole:
            raise PowerCut

    def ioctl(self, op, arg):
        if op == 4:
            return len(self.data) // BLOCK
        if op == 5:
            return BLOCK
        if op == 6:
            if not self._spend():
                raise PowerCut
            for at in range(arg * BLOCK, arg * BLOCK + BLOCK, 256):
                self.data[at : at + 256] = b"\xff" * 256
        return 0


def mount(flash):
    os.mount(os.VfsLfs2(flash, readsize=32, progsize=32, lookahead=32), "/board")


def umount():
    os.umount("/board")
    gc.collect()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        for at in range(0, len(data), BLOCK):
            file.write(data[at : at + BLOCK])


def installer():
    """The install.py that lies on the board, as a boot imports it."""
    module = {"__name__": "install"}
    exec(compile(read(ROOT + "install.py"), "install.py", "exec"), module)
    module["ROOT"] = ROOT
    return module


def push():
    """What the computer makes the board do."""
    if NEXT_INSTALLER:
        write(ROOT + ".install.part", NEXT_INSTALLER)
        os.rename(ROOT + ".install.part", ROOT + "install.py")
    write(ROOT + ".next.part", REST)
    install = installer()
    install["verify"]()
    os.rename(ROOT + ".next.part", ROOT + ".next.pack")
    install["run"]()


def board():
    return {name: read(ROOT + name) for name in os.listdir(ROOT)}


def which():
    """old, new, or what is wrong; install.py itself serves either."""
    found = board()
    found.pop("install.py")
    # The first version's installer does not know it; the next push removes it.
    found.pop(".install.part", None)
    if ".old.pack" in found:
        found.pop(".old.pack")
        found.pop(".old.boots", None)
    if found == OLD:
        return "old"
    if found == NEW:
        return "new"
    wanted = OLD if found.get("main.py") == OLD["main.py"] else NEW
    return sorted(n for n in set(found) | set(wanted) if found.get(n) != wanted.get(n))


def folder(name):
    files = {n: read(sys.argv[1] + "/" + name + "/" + n) for n in os.listdir(sys.argv[1] + "/" + name)}
    return files, files.pop("install.py")


def blank(blocks):
    data = bytearray(blocks * BLOCK)
    for at in range(0, len(data), 256):
        data[at : at + 256] = b"\xff" * 256
    return data


OLD, OLD_INSTALLER = folder("old")
NEW, NEXT_INSTALLER = folder("new")
if NEXT_INSTALLER == OLD_INSTALLER:
    NEXT_INSTALLER = None
REST = read(sys.argv[1] + "/rest")

image = blank(int(sys.argv[2]))
os.VfsLfs2.mkfs(Flash(image), readsize=32, progsize=32, lookahead=32)
mount(Flash(image))
for name in sorted(OLD):
    write(ROOT + name, OLD[name])
write(ROOT + "install.py", OLD_INSTALLER)
free = os.statvfs("/board")[3]
umount()


def run(left):
    """One push that is cut after so many operations, and the boots behind it."""
    flash = Flash(bytearray(image), left)
    mount(flash)
    cut = False
    try:
        push()
    except PowerCut:
        cut = True
    except OSError as error:
        umount()
        return {"error": str(error), "operations": flash.operations}
    umount()
    # The first boot behind a cut is cut too.
    for again in (left % 61, 1 << 30) if cut else ():
        flash = Flash(flash.data, again)
        mount(flash)
        try:
            installer()["run"]()
        except PowerCut:
            pass
        umount()
    mount(flash)
    found = which()
    on_trial = ".old.pack" in os.listdir(ROOT)
    umount()
    trial = on_trial and {"confirmed": ends(flash.data, confirm), "boots": ends(flash.data, boots)}
    return {"cut": left if cut else None, "operations": flash.operations, "found": found,
            "trial": trial, "free": free}


def ends(data, how):
    """How a trial ends on a copy of this board."""
    mount(Flash(bytearray(data)))
    said = how(installer())
    installer()["run"]()
    left = sorted(name for name in os.listdir(ROOT) if name.startswith("."))
    said = [said, which()] + left
    umount()
    return said


def confirm(install):
    install["confirm"]()


def boots(install):
    """Boots of new code that never calls home, behind the one of the push."""
    for boot in range(1, 10):
        try:
            install["run"]()
        except PowerCut:
            return boot


if len(sys.argv) < 4:
    print(json.dumps(run(1 << 30)))
else:
    first, last, step = (int(arg) for arg in sys.argv[3:])
    for left in range(first, last, step):
        print(json.dumps(run(left)))
