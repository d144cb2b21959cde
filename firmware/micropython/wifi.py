# Joining known networks, strongest first, for ever; the station's own access point meanwhile.
import time

import network

# Reasons the chip gives (network.STAT_…, the same numbers on every port of ESP-IDF).
_REASONS = {
    15: "wrong-password",
    201: "not-found",
    202: "wrong-password",
    203: "refused",
    204: "wrong-password",
    205: "refused",
}
# The chip keeps the last failure's number while it joins again (recorded), and drops it when it
# has an address: a new number counts when the chip had time to find out, an old one late.
_SETTLE_MS = 3000
_STALE_MS = 8000
_PAUSE_MAX_MS = 30000
_SCAN_MS = 1600  # all channels for some 120 ms each


class Wifi:
    def __init__(self, config, symbol, log):
        self._config = config
        self._symbol = symbol
        self._log = log
        self._sta = network.WLAN(network.STA_IF)
        self._ap = network.WLAN(network.AP_IF)
        self._lost_at = time.ticks_ms()
        self.is_joined = False
        self.is_open = False
        self.reason = ""
        # Waits for a good moment before something that blocks; None: any moment is good.
        self.calm = None

    def address(self):
        return self._sta.ifconfig()[0] if self.is_joined else ""

    def rssi(self):
        """dBm, or None."""
        if not self.is_joined:
            return None
        try:
            return self._sta.status("rssi")
        except (OSError, ValueError, TypeError):
            return None  # lost in this moment

    def mac(self):
        return self._sta.config("mac")

    def run(self):
        """Never ends. Each yield is one look at the state."""
        sta = self._sta
        sta.active(True)
        # Else the chip joins and scans for ever by itself, and takes the channel from a guest.
        sta.config(reconnects=0)
        pause = 1000
        while True:
            if sta.isconnected():
                self._joined()
                while sta.isconnected():
                    self._close_if_alone()
                    yield
                self._lost()
                pause = 1000
            for entry in (yield from self._candidates()):
                if self._has_guest():
                    break
                yield from self._join(entry["ssid"], entry.get("password", ""))
                if sta.isconnected():
                    break
                self._log("wifi failed ssid=%s reason=%s" % (entry["ssid"], self.reason))
            if not sta.isconnected():
                yield from self._rest(pause)
                pause = min(pause * 2, _PAUSE_MAX_MS)

    def _candidates(self):
        """Known networks, strongest first; those not seen last: they may be hidden."""
        known = self._config["networks"]
        if len(known) < 2 or self._has_guest():
            return known
        yield
        if self.calm:
            yield from self.calm(_SCAN_MS)
        strength = {}
        try:
            for found in self._sta.scan():
                ssid = found[0].decode()
                strength[ssid] = max(found[3], strength.get(ssid, -200))
        except (OSError, RuntimeError, UnicodeError) as error:
            self._log("error scan %s" % error)
        return sorted(known, key=lambda entry: -strength.get(entry["ssid"], -200))

    def _join(self, ssid, password):
        sta = self._sta
        # Else the chip goes on with the network before, and refuses another one.
        self._let_go()
        yield
        began = time.ticks_ms()
        self.reason = "timeout"
        before = sta.status()
        try:
            sta.connect(ssid, password)
        except (OSError, RuntimeError, ValueError) as error:
            self.reason = str(error)
            return
        while time.ticks_diff(time.ticks_ms(), began) < self._config["wifi_timeout"] * 1000:
            if sta.isconnected():
                self.reason = ""
                return
            self._watch_open()
            if self._has_guest():
                self.reason = "guest"
                break
            yield
            status = sta.status()
            settle = _STALE_MS if status == before else _SETTLE_MS
            if status < 1000 and time.ticks_diff(time.ticks_ms(), began) > settle:
                # It has given up, whatever the number.
                self.reason = _REASONS.get(status, "code %d" % status)
                return
        self._let_go()

    def _let_go(self):
        try:
            self._sta.disconnect()
        except (OSError, RuntimeError):
            pass  # it was not connecting

    def _rest(self, ms):
        began = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), began) < ms or self._has_guest():
            self._watch_open()
            if self._sta.isconnected():
                return
            yield

    def _joined(self):
        self.is_joined = True
        self._log(
            "wifi joined ssid=%s ip=%s rssi=%s"
            % (self._sta.config("ssid"), self.address(), self.rssi())
        )
        self._webrepl()

    def _close_if_alone(self):
        if self.is_open and not self._has_guest():
            self._ap.active(False)
            self.is_open = False
            self._log("ap closed")

    def _lost(self):
        self.is_joined = False
        self._lost_at = time.ticks_ms()
        self._log("wifi lost")

    def _watch_open(self):
        """Long without Wi-Fi: the access point opens, for somebody who stands below the roof."""
        now = time.ticks_ms()
        waited = time.ticks_diff(now, self._lost_at)
        if not self.is_open and waited > self._config["ap_after"] * 1000:
            self._lost_at = now  # so that it is tried again as late, should the chip refuse
            try:
                self.open_access_point()
            except (OSError, RuntimeError, ValueError) as error:
                self._log("error ap %s" % error)

    def open_access_point(self):
        config = self._config
        if not 8 <= len(config["ap_password"]) <= 63:
            return  # never an open one: it leads to a REPL
        ssid = config["ap_ssid"] or self._symbol
        self._ap.active(True)
        self._ap.config(ssid=ssid, key=config["ap_password"], security=3)
        self.is_open = True
        self._log("ap open ssid=" + ssid)
        self._webrepl()

    def _has_guest(self):
        """Somebody is at the access point: joining would change its channel under them."""
        if not self.is_open:
            return False
        try:
            return len(self._ap.status("stations")) > 0
        except (OSError, RuntimeError, ValueError):
            return False

    def _webrepl(self):
        password = self._config["webrepl_password"]
        if not 4 <= len(password) <= 9:
            return
        try:
            import webrepl

            webrepl.stop()
            webrepl.start(password=password)
        except (ImportError, OSError, ValueError) as error:
            self._log("error webrepl %s" % error)
