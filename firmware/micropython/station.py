# The station: what it is made of, its main loop, and its ways out.
import gc
import time

import config
import crash
import machine
from clock import Clock
from led import Led
from net import Net
from queue import Queue
from sampler import Sampler
from status import Status
from store import open_store
from upload import Upload
from uplink import Uplink
from wifi import Wifi

# A boot that lived this long went well.
_HEALTHY_S = 60
# A network side that has not moved for so long hangs: longer than every deadline of its own.
_HANG_MS = 600000
_REBOOT_MAX_S = 3600
# A summary a minute: one line beside six of the uploads, and some in a test of few minutes.
_TELL_S = 60
# Files instead of a partition: at most this much may be lost with the power.
_FLUSH_MS = 10000


def log(text):
    print("wx " + text)


class Station:
    def __init__(self, boots, boot):
        self.boots = boots
        self.boot = boot
        settings, problems, self.is_trying = config.load()
        self.config = settings
        self.clock = Clock()
        symbol = config.symbol_of(settings, machine.unique_id())
        self.status = Status(symbol, config.VERSION, boot, machine.reset_cause())
        for problem in problems:
            log("error config " + problem)
            self.status.fault("config " + problem)
        self._crash, error = crash.last()
        if error and not boots.has_told(self._crash):
            self.status.fault(error)
        store = open_store()
        self.queue = Queue(store)
        self.queue.start(boot, settings["sample_interval"] * 1000)
        log("queue n=%d pages=%d durable=%d" % (self.queue.queued(), store.pages, store.is_durable))
        self._is_durable = store.is_durable
        if not store.is_durable:
            self.status.fault("queue in files: %d s at risk" % (_FLUSH_MS // 1000))
        self._flushed_at = time.ticks_ms()
        self.sampler = Sampler(settings, self.clock, self.queue, self.status, log)
        self.wifi = Wifi(settings, symbol, log)
        self.upload = None
        self._uplink = None
        if settings["timebase_url"]:
            self._uplink = Uplink(settings, symbol)
            self.upload = Upload(self, settings, symbol, self._uplink, log)
        led = Led(settings["led"])
        self.net = Net(self, self.wifi, self.upload, led, settings, log)
        self._watchdog = None
        self._has_thread = False
        self._is_healthy = False
        self._told_at = 0
        self._fault = None
        self._began = time.ticks_ms()

    def tls(self):
        return self._uplink.http.tls() if self._uplink else "off"

    def worked(self):
        """The first upload: whatever was on trial has passed."""
        self.boots.tell(self._crash)  # its report is the next thing that is sent
        config.works(self.is_trying)
        self.is_trying = False
        try:
            import install
        except ImportError:
            return  # put here by hand, without an installer
        install.confirm()

    def crashed(self, error):
        """The network thread died: the main loop shall hear of it."""
        self._fault = error

    def run(self):
        """Until the power fails, a fault, or Ctrl-C."""
        if self.config["watchdog"]:
            self._watchdog = machine.WDT(timeout=self.config["watchdog"] * 1000)
        self._start_thread()
        gc.collect()
        gc.disable()
        self.sampler.check()
        while True:
            self._wait()
            self.sampler.sample()
            self._after()

    def _start_thread(self):
        try:
            import _thread
        except ImportError:
            return  # one loop then: net.step() runs between two readings
        # 16 KB: the default 4 KB hold ten calls, and TLS wants more (recorded).
        _thread.stack_size(16384)
        _thread.start_new_thread(self.net.loop, ())
        self._has_thread = True

    def _wait(self):
        """Until the next reading is due, in naps short enough for the watchdog and Ctrl-C."""
        sampler = self.sampler
        while True:
            left = sampler.wait_ms(time.ticks_ms())
            if left <= 0:
                return
            self._feed()
            if self._has_thread:
                time.sleep_ms(min(left, 500))
            else:
                nap = self.net.step()
                time.sleep_ms(min(sampler.wait_ms(time.ticks_ms()), nap))

    def _feed(self):
        if self._fault:
            raise self._fault
        now = time.ticks_ms()
        if time.ticks_diff(now, self.net.beat) > _HANG_MS:
            raise RuntimeError("network hangs")
        # Here and not behind a reading: an hour may lie between two of those.
        if self.is_trying and time.ticks_diff(now, self._began) > self.config["trial_time"] * 1000:
            log("error config trial failed")
            self.boots.went_well()
            self.queue.flush()
            machine.reset()  # the settings on trial are gone with this boot
        if self._watchdog:
            self._watchdog.feed()

    def _after(self):
        """What has time once a reading is stored."""
        now = time.ticks_ms()
        if not self._is_durable and time.ticks_diff(now, self._flushed_at) > _FLUSH_MS:
            self._flushed_at = now
            self.queue.flush()
        if gc.mem_alloc() > 3 * gc.mem_free():
            gc.collect()
        uptime = self.clock.up_s
        if not self._is_healthy and uptime > _HEALTHY_S:
            self._is_healthy = True
            self.boots.went_well()
        if uptime - self._told_at >= _TELL_S:
            self._told_at = uptime
            self._tell(uptime)
        self._watch_sensors()

    def _tell(self, uptime):
        """What station_status has no field for: with it, a ledger of this boot can be closed."""
        sampler, queue = self.sampler, self.queue
        log(
            "sum up=%d taken=%d missed=%d late=%d longest=%d suspect=%d lost=%d estimated=%d "
            "repaired=%d drift=%d heap=%d"
            % (
                uptime,
                sampler.taken,
                sampler.slots.missed,
                sampler.late,
                sampler.longest_ms,
                self.status.suspect,
                queue.dropped + queue.damaged(),
                queue.estimated,
                queue.repaired,
                self.clock.drift_ppm,
                gc.mem_free(),
            )
        )

    def _watch_sensors(self):
        """Both silent for long: a reboot may free them, each time after twice as long."""
        silent = self.sampler.silent_ms() // 1000
        reboots = self.boots.reboots() if silent else 0
        limit = min(self.config["sensor_reboot_after"] << min(reboots, 10), _REBOOT_MAX_S)
        limit = max(limit, self.config["sensor_reboot_after"])
        if silent > limit and silent > 3 * self.config["sample_interval"]:
            log("error sensors silent=%d" % silent)
            self.boots.set_reboots(reboots + 1)
            self.boots.went_well()  # else three of these would end in safe mode
            self.queue.flush()
            machine.reset()
        if not silent and self.sampler.taken == 10:
            self.boots.set_reboots(0)

    def leave(self):
        """Ctrl-C: the prompt is somebody's. The network stops, and the watchdog waits an hour."""
        gc.enable()
        self.net.stop = True
        self.queue.flush()
        if self._watchdog:
            # It cannot be stopped, only made patient; a forgotten station comes back by itself.
            machine.WDT(timeout=3600000)
