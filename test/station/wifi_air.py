# Joining, losing and the access point, against an air that behaves as the chip's recordings say:
# `reconnects` is -1 unless somebody sets it, and the last failure's number stays while it joins.
import json

import wifi

from ticks import Ticks

ticks = wifi.time = Ticks()


def waits(air):
    """What stands between the network side and a scan: here five looks."""

    def calm(ms):
        for _ in range(5):
            air.did.append("wait %d" % ms)
            yield

    return calm


class Air:
    """Networks by name: (password, ms until an address). Keeps what the station did."""

    def __init__(self):
        self.networks = {}
        self.did = []
        self.guests = 0
        self.channel_moves = 0
        self.refuse_ap = False


class Sta:
    def __init__(self, air):
        self._air = air
        self._reconnects = -1
        self._wanted = None
        self._since = 0
        self._status = 1000
        self._up = False

    def active(self, on):
        self._air.did.append("active")

    def config(self, *names, **values):
        if "reconnects" in values:
            self._reconnects = values["reconnects"]
        return self._wanted[0] if names == ("ssid",) else None

    def ifconfig(self):
        return ("10.0.0.2", "", "", "")

    def scan(self):
        self._air.channel_moves += self._air.guests
        self._air.did.append("scan")
        return [(name.encode(), b"", 1, -50 if name == "near" else -70, 3, False)
                for name in self._air.networks]

    def connect(self, ssid, password):
        self._air.did.append("connect " + ssid)
        self._air.channel_moves += self._air.guests
        self._wanted = (ssid, password)
        self._since = ticks.now

    def disconnect(self):
        self._wanted = None
        if self._up:
            self._up = False
            self._status = 1000

    def _look(self):
        if not self._wanted or self._up:
            if self._up and self._wanted[0] not in self._air.networks:
                self._up = False
            return
        passed = ticks.ticks_diff(ticks.now, self._since)
        password, delay = self._air.networks.get(self._wanted[0], (None, 0))
        if password == self._wanted[1]:
            if passed >= delay:
                self._up, self._status = True, 1010
        elif passed >= 2400:
            self._status = 201 if password is None else 202
            if self._reconnects < 0:
                self._air.channel_moves += self._air.guests
                self._since = ticks.now
            else:
                self._wanted = None

    def isconnected(self):
        self._look()
        return self._up

    def status(self, what=None):
        self._look()
        return -50 if what else self._status


class Ap:
    def __init__(self, air):
        self._air = air

    def active(self, on):
        self._air.did.append("ap on" if on else "ap off")

    def config(self, **values):
        if self._air.refuse_ap:
            raise RuntimeError("Wifi Unknown Error 0x0102")

    def status(self, what):
        return [(b"123456",)] * self._air.guests


def station(air, names, ap_password="12345678"):
    interfaces = {wifi.network.STA_IF: Sta(air), wifi.network.AP_IF: Ap(air)}
    wifi.network.WLAN = lambda kind: interfaces[kind]
    config = {
        "networks": [{"ssid": name, "password": "right"} for name in names], "ap_after": 60,
        "ap_ssid": "", "ap_password": ap_password, "wifi_timeout": 20, "webrepl_password": "",
    }
    one = wifi.Wifi(config, "st-1", lambda text: None)
    return one, one.run()


def live(task, seconds):
    for _ in range(seconds * 20):
        next(task)
        ticks.pass_ms(50)


def tell(name, air, one):
    print(json.dumps({"name": name, "did": air.did, "joined": one.is_joined, "open": one.is_open,
                      "moves": air.channel_moves, "reason": one.reason}))
    air.did = []


air = Air()
air.networks["home"] = ("right", 1000)
one, task = station(air, ["home"])
live(task, 5)
tell("joins", air, one)
del air.networks["home"]
live(task, 65)
air.did = [done for done in air.did if done != "connect home"]
tell("opens after a minute without", air, one)
air.guests = 1
live(task, 5)
air.channel_moves = 0
air.did = []
air.networks["home"] = ("right", 1000)
live(task, 600)
tell("leaves a guest alone", air, one)
air.guests = 0
live(task, 60)
tell("joins when the guest is gone", air, one)
air.guests = 1
air.did = []
one.open_access_point()
live(task, 5)
tell("keeps a guest's network while joined", air, one)

air = Air()
air.networks["slow"] = ("right", 5000)
one, task = station(air, ["slow", "gone"])
live(task, 10)
del air.networks["slow"]
live(task, 30)
air.did = []
air.networks["slow"] = ("right", 5000)
live(task, 60)
air.did = air.did[-1:]
tell("waits for a slow address after a failure", air, one)

air = Air()
air.networks["near"] = air.networks["far"] = ("right", 1000)
one, task = station(air, ["far", "near"])
one.calm = waits(air)
live(task, 3)
tell("scans at a good moment and joins the strongest", air, one)

air = Air()
air.networks["home"] = ("other", 1000)
air.refuse_ap = True
one, task = station(air, ["home"])
live(task, 150)
air.did = [done for done in air.did if done == "ap on"]
tell("outlives a refused access point", air, one)
