# What the board makes of a station.json, whatever is in it.
import json
import os

import config

folder = os.getcwd()
for name in ("FILE", "PREVIOUS", "TRIAL", "TRYING"):
    setattr(config, name, folder + getattr(config, name))

whole = {
    "version": 1, "networks": [{"ssid": "}", "password": "12345678"}],
    "ntp_servers": ["a"], "sample_interval": 4, "symbol": "roof {[",
}
text = json.dumps(whole)
cuts = []
for size in range(len(text) + 1):
    with open(config.FILE, "w") as file:
        file.write(text[:size])
    if "corrupt" not in config.load()[1]:
        cuts.append(size)
print(json.dumps({"name": "cuts", "taken": cuts, "size": len(text)}))

for values in (
    {"scl": 24}, {"scl": 32}, {"led": -1}, {"sample_interval": 2.5}, {"watchdog": True},
    {"ntp_servers": [1, "b"]}, {"ntp_servers": [1]}, {"ntp_servers": [""]},
    {"networks": [{"ssid": "a"}, {"ssid": 5}, "b"]}, {"symbol": 'a"b'}, {"symbol": "a\\"},
    {"symbol": "a\n"}, {"symbol": "é" * 33}, {"symbol": "é" * 32}, {"ntp_refresh": 604800},
    {"nonsense": 1},
):
    settings, ignored = config.check(values)
    name = list(values)[0]
    print(json.dumps({"name": json.dumps(values), "is": settings.get(name), "ignored": ignored}))
