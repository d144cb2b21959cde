# A crash is reported until the server had it, and not again.
import json
import os

import crash

crash.FILE = os.getcwd() + "/last_error.json"
boots = crash.Boots()
rows = []


def boot(name):
    """Whether this boot has news of a crash, and which."""
    number = boots.count()
    of, line = crash.last()
    rows.append((name, line if not boots.has_told(of) else ""))
    return number, of


def fail(number, error):
    try:
        raise error
    except Exception as caught:
        crash.save(caught, number, 5)


number, of = boot("first")
fail(number, OSError(28))
boot("after a crash")
number, of = boot("after a power cut before the report")
boots.tell(of)
number, of = boot("after the report")
fail(number, ValueError("pin"))
boot("after another crash")
with open(crash.FILE, "w") as file:
    file.write('{"boot": 3')
boot("with a damaged file")
print(json.dumps({"rows": rows}))
