# Two-phase install. The computer writes new files to /.next and, when all are verified, renames
# manifest.json into place there: that rename is the commit. run() moves the files to where they
# belong; a power cut at any moment leaves a manifest, and boot.py calls run() again.
#
# manifest.json: {"order": [names, boot code first, main.py last], "remove": [names], "trial": bool}
#
# A trial (an update over the air) keeps copies of what it replaces in /.old. confirm(), called
# after the first upload, drops them; without it the old files return after TRIAL_MS, or at the
# fourth boot if the new code does not live that long.
import json
import os

ROOT = "/"
TRIAL_MS = 120000
TRIAL_BOOTS = 3

_timer = None


def _path(*parts):
    return ROOT + "/".join(parts)


def _exists(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def _load(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def _save(path, value):
    with open(path + ".tmp", "w") as file:
        json.dump(value, file)
    os.rename(path + ".tmp", path)


def _copy(source, target):
    buffer = memoryview(bytearray(512))
    with open(source, "rb") as old, open(target + ".tmp", "wb") as new:
        while True:
            size = old.readinto(buffer)
            if not size:
                break
            new.write(buffer[:size])
    os.rename(target + ".tmp", target)


def _clear(folder):
    # The manifest goes first: what is left without one is rubbish, whatever it was.
    for name in ("manifest.json", "revert.json"):
        if _exists(_path(folder, name)):
            os.remove(_path(folder, name))
    for name in os.listdir(_path(folder)):
        os.remove(_path(folder, name))
    os.rmdir(_path(folder))


def _forward(manifest):
    trial = manifest.get("trial")
    remove = manifest["remove"]
    if trial and not _exists(_path(".old")):
        os.mkdir(_path(".old"))
    moved = _exists(_path(".old", "manifest.json"))
    if trial and not moved and not _exists(_path(".old", "plan.json")):
        # Written once, before anything moves: later a file that exists may already be the new one.
        names = manifest["order"] + remove
        kept = [name for name in names if _exists(_path(name))]
        for name in kept:
            _copy(_path(name), _path(".old", name))
        added = [name for name in manifest["order"] if name not in kept]
        _save(_path(".old", "plan.json"), {"order": kept, "added": added, "boots": 0})
    for name in manifest["order"]:
        if _exists(_path(".next", name)):
            os.rename(_path(".next", name), _path(name))
    for name in remove:
        if _exists(_path(name)):
            os.remove(_path(name))
    if trial and not moved:
        os.rename(_path(".old", "plan.json"), _path(".old", "manifest.json"))
    _clear(".next")


def _restore(manifest):
    for name in manifest["order"]:
        if _exists(_path(".old", name)):
            os.rename(_path(".old", name), _path(name))
    for name in manifest["added"]:
        if _exists(_path(name)):
            os.remove(_path(name))
    _clear(".old")


def revert(reason="timeout"):
    """Brings the files back that the trial replaced; the caller resets the board."""
    manifest = _load(_path(".old", "manifest.json"))
    if manifest is None:
        return False
    print("wx install reverted reason=" + reason)
    os.rename(_path(".old", "manifest.json"), _path(".old", "revert.json"))
    _restore(manifest)
    return True


def confirm():
    """The new files work: the old ones are dropped. Cheap where no trial runs."""
    global _timer
    if _timer:
        _timer.deinit()
        _timer = None
    if _exists(_path(".old")):
        _clear(".old")
        print("wx install confirmed")


def _give_up(_):
    import machine

    revert()
    machine.reset()


def _try_out(manifest):
    global _timer
    import machine

    manifest["boots"] += 1
    if manifest["boots"] > TRIAL_BOOTS:
        revert("crash")
        try:
            import crash

            # The failures were the new files': the old ones would come back to safe mode.
            crash.Boots().went_well()
        except ImportError:
            pass  # the old files know no such count
        machine.reset()
    _save(_path(".old", "manifest.json"), manifest)
    # Timer 3: the station itself uses none above 1.
    _timer = machine.Timer(3)
    _timer.init(mode=machine.Timer.ONE_SHOT, period=TRIAL_MS, callback=_give_up)
    print("wx install trial boots=%d" % manifest["boots"])


def run():
    """Finishes what was committed, drops what was not, and starts the clock of a trial."""
    manifest = _load(_path(".next", "manifest.json"))
    if manifest:
        _forward(manifest)
        print("wx install done files=%d" % len(manifest["order"]))
    elif _exists(_path(".next")):
        _clear(".next")
    manifest = _load(_path(".old", "revert.json"))
    if manifest:
        _restore(manifest)
    manifest = _load(_path(".old", "manifest.json"))
    if manifest:
        _try_out(manifest)
    elif _exists(_path(".old")):
        _clear(".old")
