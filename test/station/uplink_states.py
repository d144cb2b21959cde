# What the station makes of the answers of servers: one line a case of {name, url, tls, ca, rounds, batch, free}.
import json
import sys

import http
import uplink

# Small, so that a test need not send a megabyte.
http._MOST = 40000
BODY = b'[{"$type":"weather_record","symbol":"st-1"}]'


def drive(task):
    while True:
        try:
            next(task)
        except StopIteration as stop:
            return stop.value


with open(sys.argv[1]) as file:
    cases = json.load(file)
class Memory:
    free = 1 << 20

    def collect(self):
        pass

    def mem_free(self):
        return self.free


uplink.gc = Memory()
for case in cases:
    Memory.free = case.get("free", 1 << 20)
    config = {
        "timebase_url": case["url"], "tls": case.get("tls", "verified"), "batch": case.get("batch", 5),
        "connect_timeout": 2, "answer_timeout": 0.2, "auth": "password", "username": "admin",
        "password": "p&a+s%s",
    }
    link = uplink.Uplink(config, "st-1")
    link.http._certificate = case.get("ca", "/nowhere.der")
    link.http._answer_ms = 200
    waits = []

    def calm(ms):
        waits.append(link.http._sock)  # nothing is secured yet
        yield

    link.http.calm = calm
    state = None
    if "free" in case:
        print(json.dumps({"batch": link.batch, "room": len(link.http.out) - http.HEAD}))
        continue
    refusals = uplink.Refusals()
    for _ in range(case.get("rounds", 1)):
        link._token_until = 0  # as after 0.72 of its life
        state = drive(link.sign_in())
        if state == "ok":
            link.http.out[http.HEAD : http.HEAD + len(BODY)] = BODY
            state = drive(link.write("weather", len(BODY), refusals))
    print(json.dumps({
        "name": case["name"], "state": state, "unclear": link.is_unclear,
        "refused": refusals.count(), "connects": link.http.connects, "error": link.http.error,
        "waits": len(waits), "room": len(link.http.out), "samples": refusals.samples,
    }))
    link.http.close()
