# What the station says about itself: a record of station_status at boot, each minute, each fault.
import gc
import json
import os
import sys

from clock import put_time
from codec import NEVER

# Records and faults that wait for the network or the clock: some 4 KB at most.
_KEEP = 8
_FAULTS = 4
# A symbol that is blocked has something refused in every batch; the flash shall outlive that.
_REFUSED_EVERY_S = 600
_RESETS = {1: "power", 2: "reset", 3: "watchdog", 4: "deepsleep", 5: "soft"}


def reset_reason(cause):
    return _RESETS.get(cause, str(cause))


def runtime():
    return "micropython " + ".".join(str(part) for part in sys.implementation.version[:3])


class Status:
    """Counters since boot, and up to eight records that wait to be sent (the oldest go first)."""

    def __init__(self, symbol, version, boot, cause):
        self._symbol = symbol
        self._version = version
        self._boot = boot
        self._cause = reset_reason(cause)
        self._runtime = runtime()
        self._waiting = []
        self._faults = []
        self._last_s = NEVER
        self._last_ms = 0
        self.refused = 0
        self.sensor_errors = 0
        self.upload_errors = 0
        self.suspect = 0
        self.last_error = ""
        self._is_due = True
        self.refused_log = "/refused.txt"
        self._refused_s = NEVER

    def fault(self, text):
        """Something went wrong: a record of it is due. Of many the first are kept, and the last."""
        text = text[:120]
        if text != self.last_error:
            self.last_error = text
            if len(self._faults) < _FAULTS and text not in self._faults:
                self._faults.append(text)

    def due(self):
        self._is_due = True

    def snapshot(self, station):
        """Takes a record of each fault now, or one when it is due, once the clock is known."""
        if not (self._is_due or self._faults):
            return
        now = station.clock.now()
        if now is None:
            return
        self._is_due = False
        faults, self._faults = self._faults, []
        for text in faults or (self.last_error,):
            self._take(station, now, text)

    def _take(self, station, now, last_error):
        s, ms = now
        if (s, ms) <= (self._last_s, self._last_ms):
            ms = self._last_ms + 1
            s = self._last_s + ms // 1000
            ms %= 1000
        self._last_s, self._last_ms = s, ms
        queue = station.queue
        fields = {
            "boot": self._boot,
            "uptime": station.clock.uptime(),
            "reset_reason": self._cause,
            "clock": station.clock.state(),
            "queued": queue.queued(),
            "dropped": queue.dropped + queue.damaged(),
            "refused": self.refused,
            "sensor_errors": self.sensor_errors,
            "upload_errors": self.upload_errors,
            "free_heap": gc.mem_free(),
            "address": station.wifi.address(),
            "runtime": self._runtime,
            "station": self._version,
            "tls": station.tls(),
            "last_error": last_error,
        }
        rssi = station.wifi.rssi()
        if rssi is not None:
            fields["rssi"] = rssi
        if queue.queued():
            queue.begin()
            if queue.next():
                fields["oldest_queued"] = stamp(queue.s, queue.ms)
        if len(self._waiting) == _KEEP:
            self._waiting.pop(0)
        self._waiting.append((s, ms, fields))

    def has_waiting(self):
        return len(self._waiting) > 0

    def write_body(self, out, at):
        """The oldest one as a message; the body has one, so its fate is certain or all unclear."""
        s, ms, fields = self._waiting[0]
        message = {"$type": "station_status", "symbol": self._symbol, "timestamp": stamp(s, ms)}
        message.update(fields)
        body = json.dumps([message]).encode()
        if at + len(body) > len(out):
            # A text all of escapes; what has a fixed size always fits.
            message["last_error"] = "unprintable"
            body = json.dumps([message]).encode()
        out[at : at + len(body)] = body
        return len(body)

    def done(self):
        if self._waiting:
            self._waiting.pop(0)

    def may_keep(self, s):
        """Whether refused records may be written to the flash again, at this wall time."""
        if self._refused_s != NEVER and s - self._refused_s < _REFUSED_EVERY_S:
            return False
        self._refused_s = s
        return True

    def keep_refused(self, lines):
        """Keeps refused records with the server's reasons: two files of 4 KB at most."""
        try:
            try:
                if os.stat(self.refused_log)[6] > 4096:
                    os.rename(self.refused_log, self.refused_log + ".old")
            except OSError:
                pass  # there is none yet
            with open(self.refused_log, "a") as file:
                for line in lines:
                    file.write(line + "\n")
        except OSError as error:
            self.fault("refused file %s" % error)


def stamp(s, ms):
    text = bytearray(24)
    put_time(text, 0, s, ms)
    return text.decode()
