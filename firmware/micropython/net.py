# The network side as one step machine: the same code in a thread of its own and, where there are
# no threads, between two readings.
import time

from ntp import Ntp

_NTP_RETRY_MS = 15000
# An answer comes within milliseconds, and its next request waits for it; all else has time.
_BUSY_MS = 3
_IDLE_MS = 50
# The AM2320 is woken so long before a reading, where the interval has room for it.
_PRIME_MS = 2500
# Readings that take all of their interval leave no good moment: then it costs one of them.
_CALM_MAX_MS = 10000


class Net:
    """step() does what can be done now and never waits for anybody; beat tells when it last ran.

    Its tasks yield True while they wait for an answer, and nothing while they have time.
    """

    def __init__(self, station, wifi, upload, led, config, log):
        self._station = station
        self._wifi = wifi
        self._upload = upload
        self._led = led
        self._log = log
        self._config = config
        self._ntp = Ntp(config["ntp_servers"], config["ntp_timeout"], log)
        self._tasks = [wifi.run(), self._keep_time()]
        if upload:
            self._tasks.append(upload.run())
        wifi.calm = self.calm
        if upload:
            upload.uplink.http.calm = self.calm
        self._has_thread = False
        self.beat = time.ticks_ms()
        self.stop = False
        self.is_stopped = False

    def step(self):
        """One round; returns for how many ms nothing needs to be done."""
        self.beat = time.ticks_ms()
        is_busy = False
        for task in self._tasks:
            if next(task):
                is_busy = True
        wifi = self._wifi
        self._led.show("joined" if wifi.is_joined else "open" if wifi.is_open else "searching")
        return _BUSY_MS if is_busy else _IDLE_MS

    def _keep_time(self):
        clock = self._station.clock
        queue = self._station.queue
        due = time.ticks_ms()
        while True:
            yield
            now = time.ticks_ms()
            if time.ticks_diff(now, due) < 0:
                continue
            if not self._wifi.is_joined:
                due = now  # kept near: after six days in the past it would seem to lie ahead
                continue
            last = queue.last_stamp()
            ok = yield from self._ntp.sync(clock, last if last[0] >= 0 else None)
            if not ok:
                self._station.status.fault("ntp no answer")
            pause = self._config["ntp_refresh"] * 1000 if ok else _NTP_RETRY_MS
            due = time.ticks_add(time.ticks_ms(), pause)

    def calm(self, ms):
        """Waits for a moment in which to stand still for so long costs no reading."""
        if self._has_thread:
            return
        interval = self._config["sample_interval"] * 1000
        wanted = min(ms + (_PRIME_MS if interval > _PRIME_MS else 0), interval * 3 // 4)
        began = time.ticks_ms()
        while True:
            now = time.ticks_ms()
            if self._station.sampler.slots.left(now) >= wanted:
                return
            if time.ticks_diff(now, began) > _CALM_MAX_MS:
                return
            yield

    def loop(self):
        """The thread: steps, and sleeps in between so that the readings get their core."""
        self._has_thread = True
        try:
            while not self.stop:
                time.sleep_ms(self.step())
        except Exception as error:
            self._station.crashed(error)
        self.is_stopped = True
