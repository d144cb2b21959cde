# What is kept of a crash, and how many boots in a row went wrong.
import io
import json
import os
import sys

FILE = "/last_error.json"
_LIMIT = 3
_SAVED = 1500


def save(error, boot, uptime):
    """Writes the traceback to last_error.json; a full file system must not hide the fault."""
    text = io.StringIO()
    sys.print_exception(error, text)
    text = text.getvalue()[-_SAVED:]
    print(text)
    try:
        with open(FILE + ".tmp", "w") as file:
            json.dump({"boot": boot, "uptime": uptime, "traceback": text}, file)
        os.rename(FILE + ".tmp", FILE)
    except OSError as problem:
        print("wx error crash-log", problem)


def last():
    """(its boot, the last line) of the last crash, or (0, "")."""
    try:
        with open(FILE) as file:
            kept = json.load(file)
        return kept["boot"], kept["traceback"].strip().split("\n")[-1].strip()
    except (OSError, ValueError, KeyError):
        return 0, ""


class Boots:
    """Counts in NVS: it is made for this, and an update of the files leaves it alone."""

    def __init__(self):
        from esp32 import NVS

        self._nvs = NVS("wx")

    def _get(self, name):
        try:
            return self._nvs.get_i32(name)
        except OSError:
            return 0  # never set

    def _set(self, name, value):
        if self._get(name) != value:
            self._nvs.set_i32(name, value)
            self._nvs.commit()

    def count(self):
        """One more boot; its number, 1 to 65535 in a ring because the queue keeps 16 bits."""
        boot = self._get("boot") % 65535 + 1
        self._set("boot", boot)
        return boot

    def begin(self, has_lost_power):
        """Whether the station may start; False: the last three boots failed.

        A boot counts as failed until went_well(): a panic of the runtime runs no code of ours and
        looks like any reset. One that the power ended is no failure, or three flickers of the
        mains would end in safe mode. The boot after safe mode has one try.
        """
        fails = self._get("fails")
        if has_lost_power and fails:
            fails -= 1
        if fails >= _LIMIT:
            self._set("fails", _LIMIT - 1)
            return False
        self._set("fails", fails + 1)
        return True

    def went_well(self):
        """It lived long enough, or somebody ended it on purpose."""
        self._set("fails", 0)

    def has_told(self, boot):
        """Whether the crash of that boot was reported: it is news once, the file stays."""
        return self._get("told") == boot

    def tell(self, boot):
        self._set("told", boot)

    def reboots(self):
        """How often in a row dumb sensors have rebooted the station."""
        return self._get("dumb")

    def set_reboots(self, count):
        self._set("dumb", count)
