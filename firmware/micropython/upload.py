# From the queue to TimeBase, effectively once.
#
# A batch that got no clear answer is not sent again before the server's last record of this
# symbol was read: what is not younger than that record arrived. After a boot nobody knows what
# the last one sent, so it begins in the same way.
import gc
import time

import http
from clock import put_digits, put_time
from uplink import BACKOFF, Refusals

# After an unclear answer the server may still be storing: it flushes every 0.5 s, and a request
# that was cut is dropped or done well within this.
_SETTLE_MS = 3000
# One record of JSON: names, a symbol of 64, time and four numbers.
_RECORD_MAX = 256
_FUTURE_S = 2
# After a boot: the most that may have been under way before it, whatever `batch` was then.
_DOUBT_MAX = 200
# The server was there, so it can hear of this too.
_HEARD = ("ok", "forbidden", "stream", "path", "future", "answer")
# Reports that are left out when nobody takes them: 1, 3, 7 and so on, about an hour at most.
_MUTE_MAX = 63


class Upload:
    """run() never ends and lets no error escape but those of programming."""

    def __init__(self, station, config, symbol, uplink, log):
        self._station = station
        self._config = config
        self._symbol = symbol
        self.uplink = uplink
        self._log = log
        self._refusals = Refusals()
        self._is_unclear = True
        # The last record of the batch in doubt; 0: whatever a batch may hold.
        self._doubt = 0
        self._has_more = False
        self._mute = self._muted = 0
        self._tries = 0
        self._state = ""
        self.sent = 0
        self.has_worked = False
        # The class is called so whatever the stream is called: `stream create NAME` makes it so.
        self._open = ('{"$type":"weather_record","symbol":"%s","timestamp":"' % symbol).encode()

    def run(self):
        interval = self._config["upload_interval"] * 1000
        interval_status = self._config["status_interval"] * 1000
        told = time.ticks_ms()
        due = time.ticks_ms()
        while True:
            yield self._has_more
            station = self._station
            now = time.ticks_ms()
            if time.ticks_diff(now, told) > interval_status:
                told = now
                station.status.due()
            # Also while nothing can be sent: these wait for the end of the outage.
            station.status.snapshot(station)
            if time.ticks_diff(now, due) < 0:
                continue
            if not station.wifi.is_joined or station.clock.now() is None:
                due = now  # kept near: after six days in the past it would seem to lie ahead
                self._has_more = False
                continue
            state = yield from self._round()
            now = time.ticks_ms()
            if state == "ok":
                self._tries = 0
                due = time.ticks_add(due, interval)
                if self._has_more or time.ticks_diff(due, now) < 0:
                    due = now
            else:
                self._has_more = False
                due = time.ticks_add(now, self._failed(state))
            if state in _HEARD:
                state = yield from self._report()
                if state != "ok" and not self._tries:
                    self._has_more = False
                    due = time.ticks_add(time.ticks_ms(), self._failed(state))

    def _failed(self, state):
        """Counts and reports; returns the pause in ms."""
        least, most = BACKOFF[state]
        pause = min(least << min(self._tries, 10), most) * 1000
        self._tries += 1
        text = state + (" " + self.uplink.http.error if self.uplink.http.error else "")
        if state != "future":
            self._station.status.upload_errors += 1
        if state == "unauthorized":
            self.uplink.forget_token()
        if state != self._state or self._tries == 1:
            self._station.status.fault("upload " + text)
        self._state = state
        self._log("upload failed state=%s wait=%d %s" % (state, pause // 1000, text))
        return pause

    def _round(self):
        """One batch of what waits, signed in and without doubt about the last one."""
        state = yield from self.uplink.sign_in()
        if state == "ok" and self._is_unclear:
            state = yield from self._reconcile()
        if state == "ok":
            state, self._has_more = yield from self._batch()
            return state
        return "network" if state == "unclear" else state

    def _batch(self):
        """(state, whether another batch waits)."""
        gc.collect()
        queue = self._station.queue
        out = self.uplink.http.out
        queue.begin()
        at = http.HEAD
        out[at] = 91
        at += 1
        count = 0
        limit = self.uplink.batch
        is_full = False
        now_s, now_ms = self._station.clock.now()
        while count < limit and at + _RECORD_MAX < len(out):
            if not queue.next():
                break
            if queue.s > now_s + _FUTURE_S or (queue.s == now_s + _FUTURE_S and queue.ms > now_ms):
                # One stamp in the future would block the symbol; it waits until time is there.
                if not count:
                    return "future", False
                break
            if count:
                out[at] = 44
                at += 1
            at = self._put(out, at, queue)
            number = queue.at.seq
            count += 1
            if count % 4 == 0:
                yield True
        else:
            is_full = True
        if not count:
            return "ok", False
        out[at] = 93
        size = at + 1 - http.HEAD
        if queue.at.seq != number:
            # The record that ended the loop belongs to the next batch.
            queue.begin()
            while queue.next() and queue.at.seq < number:
                pass
        refusals = self._refusals
        self._doubt = number
        self._is_unclear = True
        state = yield from self.uplink.write(self._config["stream"], size, refusals)
        self._is_unclear = self.uplink.is_unclear
        if state == "ok":
            queue.ack(number)
            self._stored(count, size)
        return state, is_full

    def _stored(self, count, size):
        refused = self._refusals.count()
        self.sent += count - refused
        self._log("upload ok n=%d refused=%d" % (count - refused, refused))
        if refused:
            status = self._station.status
            status.refused += refused
            if status.may_keep(self._station.clock.now()[0]):
                samples = self._refusals.samples
                status.keep_refused([self._blamed(text, size) for text in samples])
                status.fault("refused " + samples[0])
        if not self.has_worked and count > refused:
            self.has_worked = True
            self._station.worked()

    def _blamed(self, text, size):
        """The server's reason, with the record of the last batch whose time it names."""
        end = text.find(" GMT")
        if end < 23:
            return text
        wanted = text[end - 23 : end].replace(" ", "T")
        out = memoryview(self.uplink.http.out)[http.HEAD : http.HEAD + size]
        skip = len(self._open)
        at = 0
        while at + skip < size:
            if out[at] != 123:
                at += 1
                continue
            to = at + skip
            while out[to] != 125:
                to += 1
            if str(out[at + skip : at + skip + 23], "ascii") == wanted:
                return str(out[at : to + 1], "ascii") + " " + text
            at = to
        return text

    def _reconcile(self):
        """Asks for the last record stored, and acknowledges what is not younger."""
        began = time.ticks_ms()
        if self._doubt:
            while time.ticks_diff(time.ticks_ms(), began) < _SETTLE_MS:
                yield
            # What was cut off here may still arrive there, on the old connection.
        state, last = yield from self.uplink.last(self._config["stream"])
        if state != "ok":
            return state
        queue = self._station.queue
        queue.begin()
        number = 0
        count = 0
        # What is older than the last record beyond that was never sent, and the server shall say
        # what it thinks of it.
        while last and count < _DOUBT_MAX and queue.next():
            if (queue.s, queue.ms) > last or (self._doubt and queue.at.seq > self._doubt):
                break
            number = queue.at.seq
            count += 1
            if count % 4 == 0:
                yield True
        if count:
            queue.begin()
            while queue.next() and queue.at.seq < number:
                pass
            queue.ack(number)
            self.sent += count
            self._log("upload found n=%d" % count)
        self._is_unclear = False
        self._doubt = 0
        return "ok"

    def _report(self):
        """The state records. One that got no clear answer is dropped: better missing than twice."""
        station = self._station
        name = self._config["status_stream"]
        if not name:
            return "ok"
        status = station.status
        status.snapshot(station)
        refusals = self._refusals
        while status.has_waiting():
            if self._mute:
                self._mute -= 1
                status.done()
                continue
            size = status.write_body(self.uplink.http.out, http.HEAD)
            state = yield from self.uplink.write(name, size, refusals)
            if state in _HEARD and (state != "ok" or refusals.count()):
                # The weather goes its way, so the server does without our state for a while: each
                # try costs a connection.
                if refusals.count():
                    status.refused += refusals.count()
                    self._log("error status refused " + refusals.samples[0])
                self._muted = self._mute = min(2 * self._muted + 1, _MUTE_MAX)
                state = "ok"
            elif state == "ok":
                self._muted = 0
            if state == "ok" or state == "unclear":
                status.done()
            if state != "ok":
                return "network" if state == "unclear" else state
        return "ok"

    def _put(self, out, at, queue):
        """One record as JSON, without the heap."""
        record = queue.at
        at = _put_bytes(out, at, self._open)
        at = put_time(out, at, queue.s, queue.ms)
        out[at] = 34
        at += 1
        if record.t != -2048:
            at = _put_number(out, at, b',"temperature":', record.t, 1)
        if record.h != 2047:
            at = _put_number(out, at, b',"humidity":', record.h, 1)
        if record.p:
            at = _put_number(out, at, b',"pressure":', record.p, 2)
        if record.c != -2048:
            at = _put_number(out, at, b',"case_temperature":', record.c, 1)
        out[at] = 125
        return at + 1


def _put_bytes(out, at, data):
    for byte in data:
        out[at] = byte
        at += 1
    return at


def _put_number(out, at, name, value, decimals):
    at = _put_bytes(out, at, name)
    if value < 0:
        out[at] = 45
        at += 1
        value = -value
    unit = 100 if decimals == 2 else 10
    whole = value // unit
    width = 1
    while whole >= 10**width:
        width += 1
    at = put_digits(out, at, whole, width)
    out[at] = 46
    return put_digits(out, at + 1, value % unit, decimals)
