# What signing a batch of 50 records takes, as machine code and as plain Python.
import json
import time

import sha384
import signing

row = (
    '{"symbol":"esp123456","timestamp":"2026-11-24T01:%02d:%02d.000Z","temperature":21.5,'
    '"humidity":48.5,"pressure":1013.25,"case_temperature":22.1}'
)
body = ("[" + ",".join(row % divmod(2 * i, 60) for i in range(50)) + "]").encode()
for is_native in (True, False):
    signer = signing.Signer("wx", "TEST_API_SECRET")
    signer._hmac = sha384.Hmac(b"TEST_API_SECRET", is_native)
    times = []
    for _ in range(21):
        began = time.ticks_us()
        signer.headers("POST", "/api/v0/weather_record/write", "", body)
        times.append(time.ticks_diff(time.ticks_us(), began))
    times.sort()
    print(json.dumps({"name": "native" if is_native else "plain", "us": times[10], "bytes": len(body)}))
