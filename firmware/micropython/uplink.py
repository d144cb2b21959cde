# The station's side of TimeBase WebAdmin: signing in, writing, asking for the last record.
# Generators, as in http.py; each returns a state: "ok", or the word that status and backoff use.
import gc
import json
import time

import clock
import http

# Seconds until the next try by state, doubled up to the second number: an outage of the network
# ends soon, a wrong password or a missing stream only when somebody acts.
BACKOFF = {
    "network": (1, 60),
    "unclear": (2, 60),
    "server": (5, 120),
    "login": (30, 600),
    "unauthorized": (1, 60),
    "forbidden": (60, 900),
    "stream": (15, 300),
    "path": (60, 900),
    "portal": (15, 120),
    "tls": (30, 600),
    "answer": (10, 300),
    "future": (5, 60),
}
_CLIENT = "Authorization: Basic d2ViOnNlY3JldA==\r\n"  # web:secret, WebAdmin's own client
_FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
_JSON = "Content-Type: application/json\r\n"
_RECORD = 256  # a record in JSON: names, a symbol of 64, time and four numbers
_STATUS = 1280  # a status record with all its texts, or a sign-in form
_HANDSHAKE = 45056  # what TLS takes beside this heap, from the same memory


class Uplink:
    def __init__(self, config, symbol):
        self._config = config
        self._symbol = symbol
        gc.collect()
        spare = gc.mem_free()
        if config["timebase_url"].startswith("https"):
            spare -= _HANDSHAKE
        # Half of what is left, the rest is for everything else.
        self.batch = max(1, min(config["batch"], spare // 2 // _RECORD))
        self.http = http.Http(
            config["timebase_url"],
            config["tls"],
            max(_STATUS, _RECORD + _RECORD * self.batch),
            config["connect_timeout"],
            config["answer_timeout"],
        )
        self._token = None
        self._refresh = None
        self._token_until = 0
        # After write(): whether some of it may be stored although the answer was not "ok".
        self.is_unclear = False
        self._signer = None
        if config["auth"] == "api-key":
            import signing

            self._signer = signing.Signer(config["api_key"], config["api_secret"])

    def judge(self, status):
        """The state of an answer that is not a plain success."""
        link = self.http
        if status == http.NOT_SENT:
            return "tls" if link.error.startswith("tls") else "network"
        if status == http.UNCLEAR:
            return "unclear"
        if 300 <= status < 400 or status == 511 or link.is_html and status < 500:
            return "portal"  # WebAdmin answers in JSON and redirects nobody
        if status == 401:
            return "unauthorized"
        if status == 403:
            return "forbidden"
        text = link.text() if status in (400, 404, 500) else ""
        # Versions differ in the status, not in the words.
        if "UnknownStream" in text or "Unknown stream" in text or "No streams" in text:
            return "stream"
        if status == 404:
            return "path"
        if status >= 500:
            return "server"
        return "answer"

    # -- signing in

    def sign_in(self):
        """A token that is good for a while: refreshed when it can be, else by a full login."""
        if self._signer:
            return "ok"
        if self._token and time.ticks_diff(self._token_until, time.ticks_ms()) > 0:
            return "ok"
        if self._refresh:
            form = "grant_type=refresh_token&refresh_token=" + self._refresh
            state = yield from self._grant(form)
            if state == "ok" or state in ("network", "unclear", "tls", "portal", "server"):
                return state
            self._refresh = None  # it lives 24 h, and no token outlives the server
        config = self._config
        state = yield from self._grant(
            "grant_type=password&username=%s&password=%s"
            % (http.quote(config["username"]), http.quote(config["password"]))
        )
        return state

    def _grant(self, form):
        link = self.http
        body = form.encode()
        if http.HEAD + len(body) > len(link.out):
            return "answer"
        link.out[http.HEAD : http.HEAD + len(body)] = body
        status = yield from link.request("POST", "/oauth/token", _CLIENT + _FORM, len(body))
        if status == 200 and not link.is_html:
            try:
                answer = json.loads(link.text())
                token, seconds = answer["access_token"], int(answer["expires_in"])
            except (ValueError, KeyError, TypeError):
                return "answer"
            self._token = "Authorization: Bearer " + token + "\r\n"
            self._refresh = answer.get("refresh_token")
            # At 0.72 of its life, as WebAdmin's own pages do; a day at most, for the ticks' sake.
            life = min(seconds, 86400) * 720
            self._token_until = time.ticks_add(time.ticks_ms(), life)
            return "ok"
        self._token = None
        if status in (400, 401):
            return "login"
        return self.judge(status)

    def forget_token(self):
        """A 401: the server was restarted, and all its tokens died with it."""
        self._token = None

    def _headers(self, method, path, query, body_size):
        if self._signer:
            body = memoryview(self.http.out)[http.HEAD : http.HEAD + body_size]
            return self._signer.headers(method, self.http.prefix + path, query, body)
        return self._token

    # -- data

    def last(self, stream):
        """(state, (s, ms) of this symbol's last record or None where it has none)."""
        path = "/api/v0/%s/%s/select" % (http.quote(stream), http.quote(self._symbol))
        # reverse wants a `from`, and any far future will do; params in order for the signature.
        query = "from=2100-01-01T00:00:00.000Z&reverse=true&rows=1"
        headers = self._headers("GET", path, query, 0)
        status = yield from self.http.request("GET", path + "?" + query, headers)
        if status != 200 or self.http.is_html:
            state = self.judge(status)
            # A question is safe to repeat: whether it was heard does not matter.
            return ("network" if state == "unclear" else state), None
        text = self.http.text()
        if text.strip() == "[]":
            return "ok", None
        mark = text.find('"timestamp":"')
        stamp = clock.parse_time(text[mark + 13 : mark + 37]) if mark >= 0 else None
        return ("ok", stamp) if stamp else ("answer", None)

    def write(self, stream, body_size, refusals):
        """Writes out[HEAD:HEAD+body_size] in APPEND mode; refusals collects what is refused."""
        path = "/api/v0/%s/write" % http.quote(stream)
        query = "writeMode=APPEND"
        headers = self._headers("POST", path, query, body_size) + _JSON
        refusals.begin()
        status = yield from self.http.request(
            "POST", path + "?" + query, headers, body_size, refusals.feed
        )
        if status == 200 and not self.http.is_html:
            self.is_unclear = not refusals.is_complete()
            if refusals.is_foreign:
                return "answer"  # somebody else's 200 says nothing about the records
            # An array that does not end says nothing certain about the last messages.
            return "unclear" if self.is_unclear else "ok"
        state = self.judge(status)
        # After a 5xx the messages before the failing one may be stored.
        self.is_unclear = state == "unclear" or status >= 500 and state != "stream"
        return state


class Refusals:
    """Reads the answer of a write as it arrives: [] or [{"message":…,"error":…,"stacktrace":…}].

    Constant memory whatever the size: counts, and the beginnings of a few messages.
    """

    KEEP = 4
    WIDTH = 160

    def __init__(self):
        self._message = bytearray(self.WIDTH)
        self.begin()

    def begin(self):
        self.out_of_order = 0
        self.invalid = 0
        self.samples = []
        self._depth = 0
        self._in_text = False
        self._is_escaped = False
        self._size = 0
        self._texts = 0
        self._is_started = False
        self._is_ended = False
        self.is_foreign = False

    def count(self):
        return self.out_of_order + self.invalid

    def is_complete(self):
        return self._is_ended and not self.is_foreign

    def feed(self, buf, start, end):
        while start < end:
            self._byte(buf[start])
            start += 1

    def _byte(self, byte):
        if not self._is_started and byte > 32:
            self._is_started = True
            self.is_foreign = byte != 91  # a write is answered by a list
        if self._in_text:
            if self._is_escaped:
                self._is_escaped = False
            elif byte == 92:
                self._is_escaped = True
                return
            elif byte == 34:
                self._in_text = False
                return
            # The first value of an object is its message.
            if self._texts == 2 and self._size < self.WIDTH:
                self._message[self._size] = byte if 32 <= byte < 127 else 63
                self._size += 1
            return
        if byte == 34:
            self._in_text = True
            self._texts += 1
        elif byte == 91 or byte == 123:
            self._depth += 1
            if self._depth == 2:
                self._texts = 0
                self._size = 0
        elif byte == 93 or byte == 125:
            self._depth -= 1
            if self._depth == 1:
                self._end_of_object()
            elif self._depth == 0:
                self._is_ended = True

    def _end_of_object(self):
        message = str(memoryview(self._message)[: self._size], "ascii")
        if "out of sequence" in message:
            self.out_of_order += 1
        else:
            self.invalid += 1
        if len(self.samples) < self.KEEP:
            self.samples.append(message)
