# The chip's network module for the Unix port: one air with one network, joined in a moment.
import time

import world

STA_IF = 0
AP_IF = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010


class WLAN:
    _joined = False
    _status = STAT_IDLE
    _active = [False, False]

    def __init__(self, kind):
        self._kind = kind

    def active(self, on=None):
        if on is None:
            return WLAN._active[self._kind]
        WLAN._active[self._kind] = on
        if self._kind == AP_IF:
            world.ap = on
        return on

    def isconnected(self):
        if not world.wifi:
            WLAN._joined = False
        return WLAN._joined

    def connect(self, ssid, password):
        if not self.active():
            raise OSError("Wifi Invalid Mode")
        if ssid == world.ssid and password == world.password and world.wifi:
            WLAN._joined = True
            WLAN._status = STAT_GOT_IP
        else:
            WLAN._status = 202 if ssid == world.ssid and world.wifi else 201

    def disconnect(self):
        if not WLAN._joined:
            raise OSError("Wifi Not Started")
        WLAN._joined = False

    def status(self, what=None):
        if what == "rssi":
            return -48
        if what == "stations":
            return [(b"123456",)] * world.guests
        return WLAN._status

    def config(self, *names, **values):
        if names == ("mac",):
            return b"\x24\x0a\xc4\x01\x02\x03"
        if names == ("ssid",):
            return world.ssid
        return None

    def ifconfig(self):
        return ("192.168.77.10", "255.255.255.0", "192.168.77.1", "192.168.77.1")

    def scan(self):
        return [(world.ssid.encode(), b"\1\2\3\4\5\6", 6, -48, 3, False)] if world.wifi else []
