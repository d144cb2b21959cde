# Two-phase install. The computer writes the new files, as one pack, to /.next.part, and when that
# is verified renames it to /.next.pack: the rename is the commit. run() puts what is in the pack in
# the place of the old files; a power cut at any moment leaves the pack, and boot.py calls run()
# again. Only packed does a whole version fit beside another one on the 256 KB of vfs.
#
# A pack: one byte, the window bits of a raw deflate stream (0: not compressed), and that stream: a
# line of JSON, {"files": [[name, size, hash]], "remove": [names], "trial": bool}, then the files,
# boot.py first, main.py last. hash is 16 hex digits of the sha256. This file is never in a pack: it
# is replaced before, alone, and must serve the code of every version.
#
# A trial (an update over the air) keeps what it replaces in /.old.pack. confirm(), called after the
# first upload, drops it; without it that pack becomes the next after TRIAL_MS, or at the fourth
# boot if the new code does not live that long.
import hashlib
import json
import os
from binascii import hexlify

ROOT = "/"
TRIAL_MS = 120000
TRIAL_BOOTS = 3

_timer = None


def _path(name):
    return ROOT + name


def _exists(name):
    try:
        os.stat(_path(name))
        return True
    except OSError:
        return False


def _drop(name):
    if _exists(name):
        os.remove(_path(name))


def _move(source, size, target=None):
    """Moves size bytes of a stream to a file, or nowhere; gives their hash."""
    buffer = memoryview(bytearray(512))
    digest = hashlib.sha256()
    while size:
        count = source.readinto(buffer[: min(size, 512)])
        if not count:
            raise OSError("file ends early")
        digest.update(buffer[:count])
        if target:
            target.write(buffer[:count])
        size -= count
    return hexlify(digest.digest()[:8]).decode()


def _hash(name):
    with open(_path(name), "rb") as file:
        return _move(file, os.stat(_path(name))[6])


class _Pack:
    def __init__(self, name):
        self._file = open(_path(name), "rb")
        self.stream = self._file
        bits = self._file.read(1)[0]
        if bits:
            import deflate

            self.stream = deflate.DeflateIO(self._file, deflate.RAW, bits)
        head = json.loads(self.stream.readline())
        self.files, self.remove, self.trial = head["files"], head["remove"], head["trial"]

    def close(self):
        self._file.close()
        self.stream = None  # with a window of up to 32 KB


def verify(name=".next.part"):
    """Raises OSError where the pack does not hold what it says."""
    pack = _Pack(name)
    for file, size, digest in pack.files:
        if _move(pack.stream, size) != digest:
            raise OSError("verify " + file)
    pack.close()


def _keep(pack):
    # Not compressed: the chip's deflate only inflates.
    names = [name for name, _, _ in pack.files]
    files = [
        (name, os.stat(_path(name))[6], _hash(name))
        for name in names + pack.remove
        if _exists(name)
    ]
    added = [name for name in names if not _exists(name)]
    with open(_path(".old.part"), "wb") as target:
        target.write(b"\0")
        target.write(json.dumps({"files": files, "remove": added, "trial": False}) + "\n")
        for name, size, _ in files:
            with open(_path(name), "rb") as source:
                _move(source, size, target)
    verify(".old.part")
    os.rename(_path(".old.part"), _path(".old.pack"))


def _put(pack, name, size, digest):
    # boot.py brings us back after a cut: it is whole at every moment, old or new.
    part = ".boot.part" if name == "boot.py" else name
    with open(_path(part), "wb") as target:
        _move(pack.stream, size, target)
    if _hash(part) != digest:
        raise OSError("verify " + name)
    if part != name:
        os.rename(_path(part), _path(name))


def _forward():
    pack = _Pack(".next.pack")
    if pack.trial and not _exists(".old.pack"):
        # Only once, before anything changes: later a file that exists may be the new one.
        _keep(pack)
    there = set()
    for name, _, digest in pack.files:
        if _exists(name) and _hash(name) == digest:
            there.add(name)
        elif name != "boot.py":
            _drop(name)
    for name in pack.remove:
        _drop(name)
    for name, size, digest in pack.files:
        if name in there:
            _move(pack.stream, size)
        else:
            _put(pack, name, size, digest)
    pack.close()
    os.remove(_path(".next.pack"))
    print("wx install done files=%d" % len(pack.files))


def revert(reason="timeout"):
    """Makes the files that the trial replaced the next ones: run() puts them back."""
    if not _exists(".old.pack"):
        return False
    print("wx install reverted reason=" + reason)
    os.rename(_path(".old.pack"), _path(".next.pack"))
    return True


def confirm():
    """The new files work: the old ones are dropped. Cheap where no trial runs."""
    global _timer
    if _timer:
        _timer.deinit()
        _timer = None
    if _exists(".old.pack"):
        os.remove(_path(".old.pack"))
        _drop(".old.boots")
        print("wx install confirmed")


def _give_up(_):
    import machine

    revert()
    machine.reset()


def _boots():
    try:
        with open(_path(".old.boots")) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def _try_out():
    global _timer
    import machine

    boots = _boots() + 1
    if boots > TRIAL_BOOTS:
        revert("crash")
        _forward()
        try:
            import crash

            # The failures were the new files': the old ones would come back to safe mode.
            crash.Boots().went_well()
        except ImportError:
            pass  # the old files know no such count
        machine.reset()
    with open(_path(".old.boots.part"), "w") as file:
        file.write(str(boots))
    os.rename(_path(".old.boots.part"), _path(".old.boots"))
    # The station uses none; timer 0 is on every chip, a C3 or C6 has no 2 and 3.
    _timer = machine.Timer(0)
    _timer.init(mode=machine.Timer.ONE_SHOT, period=TRIAL_MS, callback=_give_up)
    print("wx install trial boots=%d" % boots)


def run():
    """Finishes what was committed, drops what was not, and starts the clock of a trial."""
    for name in os.listdir(ROOT):
        if name[0] == "." and name.endswith(".part"):
            os.remove(_path(name))
    if _exists(".next.pack"):
        _forward()
    if _exists(".old.pack"):
        _try_out()
    else:
        _drop(".old.boots")
