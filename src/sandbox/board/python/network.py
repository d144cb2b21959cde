import _wx as wx
import json
from _board import call

STA_IF = 0
AP_IF = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_BEACON_TIMEOUT = 200
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202
STAT_ASSOC_FAIL = 203
STAT_HANDSHAKE_TIMEOUT = 204
MODE_11B = 1
MODE_11G = 2
MODE_11N = 4
MODE_LR = 8
AUTH_OPEN = 0
AUTH_WEP = 1
AUTH_WPA_PSK = 2
AUTH_WPA2_PSK = 3
AUTH_WPA_WPA2_PSK = 4
AUTH_WPA2_ENTERPRISE = 5
AUTH_WPA3_PSK = 6
AUTH_WPA2_WPA3_PSK = 7
AUTH_WAPI_PSK = 8
AUTH_OWE = 9
AUTH_MAX = 10
ETH_INITIALIZED = 0
ETH_STARTED = 1
ETH_STOPPED = 2
ETH_CONNECTED = 3
ETH_DISCONNECTED = 4
ETH_GOT_IP = 5
PHY_LAN8710 = 0
PHY_LAN8720 = 1
PHY_IP101 = 2
PHY_RTL8201 = 3
PHY_DP83848 = 4
PHY_KSZ8041 = 5
PHY_KSZ8081 = 6
PHY_KSZ8851SNL = 100
PHY_DM9051 = 101
PHY_W5500 = 102

_mac = bytes(int(json.loads(wx.about())["mac"][i : i + 2], 16) for i in range(0, 12, 2))
_hostname = "mpy-esp32"
_country = "XX"
_phy = [7]


def hostname(name=None):
    global _hostname
    if name is None:
        return _hostname
    if len(name) > 32:
        raise ValueError
    _hostname = name


def country(code=None):
    global _country
    if code is None:
        return _country
    if len(code) != 2:
        raise ValueError
    _country = code


def phy_mode(mode=None):
    if mode is None:
        return _phy[0]
    _phy[0] = mode


def _state():
    return call("wifi_state")[0]


def _text(value, most, message):
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).decode()
    if not isinstance(value, str):
        raise TypeError("can't convert '%s' object to str implicitly" % type(value).__name__)
    if len(value.encode()) > most:
        raise OSError(message)
    return value


def _address(text):
    parts = text.split(".")
    if len(parts) != 4 or not all(part.isdigit() and int(part) < 256 for part in parts):
        raise ValueError("invalid arguments")
    return text


class WLAN:
    IF_STA = 0
    IF_AP = 1
    SEC_OPEN = 0
    SEC_WPA2 = 3
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2

    _kept = {}

    def __new__(cls, interface=STA_IF):
        if interface not in (STA_IF, AP_IF):
            raise ValueError("invalid WLAN interface identifier")
        if interface not in cls._kept:
            one = object.__new__(_Station if interface == STA_IF else _AccessPoint)
            one._setup()
            cls._kept[interface] = one
        return cls._kept[interface]

    def __init__(self, interface=STA_IF):
        pass

    def __repr__(self):
        return "<WLAN>"

    def config(self, *args, **values):
        if args and values:
            raise TypeError("either pos or kw args are allowed")
        if len(args) != 1 and not values:
            raise TypeError("can query only one param")
        if args:
            return self._get(args[0])
        for key in values:
            self._set(key, values[key])

    def _get(self, key):
        if key in ("hostname", "dhcp_hostname"):
            return _hostname
        if key == "protocol":
            return 7
        if key == "txpower":
            return self._txpower
        if key == "pm":
            return self._pm
        raise ValueError("unknown config param")

    def _set(self, key, value):
        if key == "mac":
            if len(value) != 6:
                raise ValueError("invalid buffer length")
            return
        if key in ("hostname", "dhcp_hostname"):
            hostname(value)
        elif key == "txpower":
            self._txpower = value
        elif key == "pm":
            self._pm = value
        elif key in ("protocol", "channel"):
            pass
        else:
            raise ValueError("unknown config param")



class _Station(WLAN):
    def _setup(self):
        self._txpower = 19.5
        self._pm = 1

    def active(self, on=None):
        if on is not None:
            call("wifi_active", bool(on))
        return _state()["active"]

    def scan(self):
        if not _state()["active"]:
            raise OSError("STA must be active")
        # All channels are listened to for some 120 ms each.
        if wx.sleep(1600):
            raise KeyboardInterrupt
        found = []
        for ssid, bssid, channel, rssi, auth, hidden in call("wifi_scan")[0]:
            bssid = bytes(int(bssid[i : i + 2], 16) for i in range(0, 12, 2))
            found.append((ssid.encode(), bssid, channel, rssi, auth, hidden))
        return found

    def connect(self, ssid=None, key="", *, bssid=None):
        state = _state()
        if not state["active"]:
            raise OSError("Wifi Invalid Mode")
        if ssid is None:
            raise OSError("Wifi Internal Error")
        ssid = _text(ssid, 255, "Wifi Internal Error")
        key = "" if key is None else _text(key, 255, "Wifi Internal Error")
        if bssid is not None and len(bssid) != 6:
            raise ValueError
        if ssid == "":
            raise OSError("Wifi SSID Invalid")
        # The driver keeps 32 and 64 bytes; what is longer is cut off.
        call("wifi_connect", ssid[:32], key[:64], bssid.hex() if bssid is not None else None)

    def disconnect(self):
        if not _state()["active"]:
            raise OSError("Wifi Not Started")
        call("wifi_disconnect")

    def status(self, what=None):
        state = _state()
        if what is None:
            return state["status"]
        if what == "rssi":
            if not state["connected"]:
                raise OSError("Wifi Internal Error" if not state["active"] else "Wifi Not Connected")
            return state["rssi"]
        if what == "stations":
            raise OSError("AP required")
        raise ValueError("unknown status param")

    def isconnected(self):
        return _state()["connected"]

    def ifconfig(self, value=None):
        if value is None:
            return tuple(_state()["ifconfig"])
        if value == "dhcp":
            call("wifi_static", None)
            return
        if len(value) != 4:
            raise ValueError("requested length 4 but object has length %d" % len(value))
        address, mask, gateway, dns = [_address(one) for one in value]
        lease = {"address": address, "netmask": mask, "gateway": gateway, "dns": dns}
        call("wifi_static", lease)

    def _get(self, key):
        if key == "mac":
            return _mac
        if key in ("ssid", "essid"):
            return _state()["ssid"]
        if key == "channel":
            return _state()["channel"]
        if key == "reconnects":
            return _state()["reconnects"]
        if key in ("hidden", "security", "authmode"):
            raise OSError("AP required")
        if key == "max_clients":
            return 255
        return super()._get(key)

    def _set(self, key, value):
        if key == "reconnects":
            call("wifi_reconnects", value)
        elif key in ("ssid", "essid", "hidden", "security", "authmode", "password", "key"):
            raise OSError("AP required")
        else:
            super()._set(key, value)


class _AccessPoint(WLAN):
    def _setup(self):
        self._txpower = 19.5
        self._pm = 1
        self._ssid = "ESP_%02X%02X%02X" % (_mac[3], _mac[4], (_mac[5] + 1) & 255)
        self._auth = 0
        self._channel = 1
        self._hidden = False
        self._clients = 10
        self._key = ""
        self._address = ("192.168.4.1", "255.255.255.0", "192.168.4.1", "0.0.0.0")

    def active(self, on=None):
        if on is not None:
            call("ap_active", bool(on))
        return call("ap_state")[0]["active"]

    def status(self, what=None):
        if what == "stations":
            # Whoever comes to the access point is this computer, with an address of its own making.
            return [(b"\x02wxcli",)] if call("ap_state")[0]["guests"] else []
        if what is not None:
            raise ValueError("unknown status param")

    def isconnected(self):
        return False

    # The driver does not ask which of the two interfaces it is called on.
    def scan(self):
        return WLAN(STA_IF).scan()

    def connect(self, *args, **kwargs):
        WLAN(STA_IF).connect(*args, **kwargs)

    def disconnect(self):
        WLAN(STA_IF).disconnect()

    def ifconfig(self, value=None):
        if value is None:
            return self._address
        self._address = tuple(_address(one) for one in value)

    def _get(self, key):
        if key == "mac":
            return _mac[:5] + bytes(((_mac[5] + 1) & 255,))
        if key in ("ssid", "essid"):
            return self._ssid
        if key == "channel":
            # One radio: the station's channel wins.
            state = _state()
            return state["channel"] if state["active"] else self._channel
        if key == "hidden":
            return self._hidden
        if key in ("security", "authmode"):
            return self._auth
        if key == "max_clients":
            return self._clients
        if key in ("hostname", "dhcp_hostname"):
            raise OSError("STA required")
        return super()._get(key)

    def _set(self, key, value):
        if key in ("ssid", "essid"):
            value = _text(value, 255, "Wifi Internal Error")
            self._ssid = value[:32]
        elif key in ("password", "key"):
            value = _text(value, 255, "Wifi Internal Error")
            if value and len(value) < 8:
                raise OSError("Wifi Invalid Password")
            self._key = value
        elif key in ("security", "authmode"):
            if not 0 <= value < AUTH_MAX:
                raise RuntimeError("Wifi Unknown Error 0x0102")
            self._auth = value
        elif key == "channel":
            if not 1 <= value <= 14:
                raise RuntimeError("Wifi Unknown Error 0x0102")
            self._channel = value
        elif key == "hidden":
            self._hidden = bool(value)
        elif key == "max_clients":
            self._clients = value
        else:
            super()._set(key, value)
