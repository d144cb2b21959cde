# The station's settings: one table of what exists, and the files that override it.
#
# /station.json       written by the computer (write, then rename)
# /station.prev.json  the last one that worked; used when station.json is damaged
# /station.try.json   settings on trial: see trial() below
import json
import os
import sys

VERSION = "0.1.0"
FILE = "/station.json"
PREVIOUS = "/station.prev.json"
TRIAL = "/station.try.json"
TRYING = "/station.trying.json"

# (name, default, unit, least, most, reason). A text's limits are its length; choices are listed
# as its unit, with | between them. The computer's src/station/config.ts mirrors this table.
TABLE = (
    ("version", 1, "", 1, 1, "format of the file"),
    ("stream", "weather_record", "text", 1, 64, "stream of the readings, and its one class"),
    ("status_stream", "station_status", "text", 0, 64, "stream of the station's state; empty: none"),
    ("symbol", "", "text", 0, 64, "empty: esp + last six MAC digits; mac4: + the first four"),
    ("timebase_url", "", "text", 0, 200, "WebAdmin as the board reaches it; empty: nothing is sent"),
    ("auth", "password", "password|api-key", 0, 0, "how the station signs in"),
    ("username", "admin", "text", 0, 64, "TimeBase user"),
    ("password", "", "text", 0, 128, "TimeBase password"),
    ("api_key", "", "text", 0, 128, "name of the API key"),
    ("api_secret", "", "text", 0, 256, "secret of the API key"),
    ("tls", "verified", "verified|insecure", 0, 0, "insecure only where nobody can listen"),
    ("networks", [], "list", 0, 8, "known Wi-Fi networks; a scan sees more, a table has to end"),
    ("ap_ssid", "", "text", 0, 32, "own access point; empty: the symbol"),
    ("ap_password", "", "text", 0, 63, "WPA2 wants 8 characters; empty: no access point"),
    ("webrepl_password", "", "text", 0, 9, "WebREPL takes 4 to 9 characters; empty: no WebREPL"),
    ("ntp_servers", ["pool.ntp.org", "time.google.com", "time.cloudflare.com"], "list", 1, 4,
     "two of them must agree on a jump of more than a day; with one it has to say it twice"),
    ("ntp_timeout", 2, "s", 1, 30, "a lost datagram is not worth waiting for"),
    ("ntp_refresh", 21600, "s", 60, 432000, "20 ppm drift 0.4 s in 6 h; ticks span 6 days"),
    ("sample_interval", 2, "s", 2, 3600, "the AM2320 measures at most every 2 s"),
    ("upload_interval", 10, "s", 2, 86400, "five records a request keep the server's load low"),
    ("status_interval", 60, "s", 10, 3600, "a fault is seen within a minute"),
    ("batch", 50, "records", 1, 200, "50 records are 8 KB of JSON, which the heap can spare"),
    ("sensor_reboot_after", 120, "s", 10, 86400, "both sensors silent: a reboot may free them"),
    ("scl", 22, "pin", 0, 48, "the usual pin of a generic ESP32"),
    ("sda", 21, "pin", 0, 48, "the usual pin of a generic ESP32"),
    ("i2c_frequency", 50000, "Hz", 1000, 100000, "the AM2320 allows 100 kHz, a long cable less"),
    ("led", 2, "pin", -1, 48, "the LED of most boards; -1: none"),
    ("oversampling", 3, "", 0, 3, "BMP180: 3 is 0.03 hPa of noise and 25.5 ms"),
    ("watchdog", 60, "s", 0, 600, "longer than any pause of a sound station; 0: off"),
    ("connect_timeout", 10, "s", 1, 120, "three lost SYNs"),
    ("answer_timeout", 30, "s", 1, 300, "a busy server; silence after it is an unclear answer"),
    ("wifi_timeout", 20, "s", 5, 120, "a join with DHCP takes 2 to 8 s"),
    ("ap_after", 60, "s", 10, 86400, "so long without Wi-Fi, and the access point opens"),
    ("trial_time", 120, "s", 30, 3600, "settings on trial must have uploaded by then"),
)


def _fits(value, default, unit, least, most):
    if isinstance(default, str):
        if not isinstance(value, str):
            return False
        # Bytes: the buffers they have to fit into count those.
        return value in unit.split("|") if "|" in unit else least <= len(value.encode()) <= most
    if isinstance(default, list):
        return isinstance(value, list) and least <= len(value) <= most
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        return False
    return unit != "pin" or value == default or value < 0 or _is_pin(value)


def _is_pin(number):
    """Whether this chip can drive that pin: asked for another one, machine.Pin raises."""
    import machine

    # The classic chip's flash hangs on 6 to 11, and from 34 on there are inputs only.
    if sys.implementation._machine.endswith(" ESP32") and (6 <= number <= 11 or number >= 34):
        return False
    try:
        machine.Pin(number)
    except ValueError:
        return False
    return True


def _is_network(entry):
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("ssid"), str)
        and isinstance(entry.get("password", ""), str)
    )


def _is_server(entry):
    return isinstance(entry, str) and 0 < len(entry) <= 253


def _is_symbol(text):
    """It goes into JSON as it is."""
    return not any(byte < 32 or byte in b'"\\' for byte in text.encode())


def check(values):
    """(settings, names of what was ignored): the table's defaults with these values over them."""
    settings = {}
    ignored = []
    for name, default, unit, least, most, _ in TABLE:
        value = values.get(name, default)
        if not _fits(value, default, unit, least, most):
            ignored.append(name)
            value = default
        settings[name] = value
    for name, is_sound in (("networks", _is_network), ("ntp_servers", _is_server)):
        sound = [entry for entry in settings[name] if is_sound(entry)]
        if len(sound) < len(settings[name]):
            ignored.append(name)
        settings[name] = sound
    if not settings["ntp_servers"]:
        settings["ntp_servers"] = [entry[1] for entry in TABLE if entry[0] == "ntp_servers"][0]
    if not _is_symbol(settings["symbol"]):
        ignored.append("symbol")
        settings["symbol"] = ""
    for name in values:
        if name not in settings:
            ignored.append(name)
    return settings, ignored


def _exists(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def _read(path):
    """The object in a file, or None."""
    try:
        with open(path) as file:
            text = file.read().strip()
        if not text.startswith("{") or not _is_whole(text.encode()):
            return None
        values = json.loads(text)
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def _is_whole(text):
    """Whether all that is opened is closed: the chip's json.loads takes "{" for {}."""
    depth = 0
    in_text = is_escaped = False
    for byte in text:
        if is_escaped:
            is_escaped = False
        elif in_text and byte == 92:
            is_escaped = True
        elif byte == 34:
            in_text = not in_text
        elif not in_text and byte in b"{[":
            depth += 1
        elif not in_text and byte in b"}]":
            depth -= 1
    return depth == 0 and not in_text


def _write(path, values):
    with open(path + ".tmp", "w") as file:
        json.dump(values, file)
    os.rename(path + ".tmp", path)


def load():
    """(settings, problems, on trial): a damaged station.json falls back to the previous one.

    problems is a list of words for the log: "corrupt", "default", or names that were ignored.
    """
    trying = False
    if _exists(TRIAL):
        # One boot only: whatever happens to these settings, the next boot has the old ones.
        if _exists(TRYING):
            os.remove(TRYING)
        os.rename(TRIAL, TRYING)
        values = _read(TRYING)
        if values is not None:
            trying = True
            settings, problems = check(values)
            return settings, problems, trying
    if _exists(TRYING):
        os.remove(TRYING)
    problems = []
    values = _read(FILE)
    if values is None:
        if _exists(FILE):
            problems.append("corrupt")
        values = _read(PREVIOUS)
        if values is None:
            values = {}
            problems.append("default")
    settings, ignored = check(values)
    return settings, problems + ignored, trying


def works(trying):
    """The settings uploaded something: those on trial become station.json, which is copied."""
    if trying and _exists(TRYING):
        os.rename(TRYING, FILE)
    values = _read(FILE)
    if values is not None and values != _read(PREVIOUS):
        _write(PREVIOUS, values)


def write_wifi(ssid, password):
    """Stores a network as the first of the known ones and reboots; made for WebREPL."""
    if not 1 <= len(ssid) <= 32 or not (password == "" or 8 <= len(password) <= 63):
        raise ValueError("an SSID has 1 to 32 characters, a password none or 8 to 63")
    values = _read(FILE) or _read(PREVIOUS) or {"version": 1}
    known = [n for n in values.get("networks", []) if _is_network(n) and n["ssid"] != ssid]
    values["networks"] = [{"ssid": ssid, "password": password}] + known[:7]
    _write(FILE, values)
    import machine

    machine.reset()


def symbol_of(settings, mac):
    wish = settings["symbol"]
    digits = "".join("%02x" % byte for byte in mac)
    if wish == "":
        return "esp" + digits[-6:]
    return "esp" + digits[:4] if wish == "mac4" else wish
