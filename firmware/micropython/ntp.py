# SNTP over UDP (RFC 4330), as a step machine: ntptime waits in the socket and knows one server.
import errno
import os
import socket
import time

import machine
from clock import EPOCH_NTP, EPOCH_UNIX

# Two servers agree when they differ by less; both answers are milliseconds old.
_AGREE_S = 2
_DAY_S = 86400
_2000 = 946684800  # in Unix time
_PORT = 123


class Ntp:
    """sync() is a generator: each yield is a moment in which nothing was ready."""

    def __init__(self, servers, timeout_s, log):
        self._servers = servers
        self._timeout_ms = timeout_s * 1000
        self._log = log
        self._next = 0
        self.answer = None

    def _ask(self, server):
        """answer becomes (s, ms, ticks), or stays None."""
        self.answer = None
        link = None
        try:
            address = socket.getaddrinfo(server, _PORT)[0][-1]
            link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            link.setblocking(False)
            packet = bytearray(48)
            packet[0] = 0x23  # version 4, client
            packet[40:48] = os.urandom(8)
            nonce = bytes(packet[40:48])
            sent = time.ticks_ms()
            link.sendto(packet, address)
            while time.ticks_diff(time.ticks_ms(), sent) < self._timeout_ms:
                yield True
                try:
                    data = link.recv(64)
                except OSError as error:
                    if error.errno not in (errno.EAGAIN, errno.ETIMEDOUT):
                        raise
                    continue
                if data and self._read(data, nonce, sent):
                    return
        except OSError as error:
            self._log("ntp failed server=%s error=%s" % (server, error))
        finally:
            if link:
                link.close()

    def _read(self, data, nonce, sent):
        got = time.ticks_ms()
        # Server's mode, a clock that is set, a stratum, and our own words repeated.
        if len(data) < 48 or data[0] & 7 != 4 or data[0] >> 6 == 3 or not 1 <= data[1] <= 15:
            return False
        if bytes(data[24:32]) != nonce:
            return False
        seconds = (data[40] << 24 | data[41] << 16 | data[42] << 8 | data[43]) - EPOCH_NTP
        if seconds < 0:
            seconds += 1 << 32  # the era that begins in 2036
        ms = (data[44] << 8 | data[45]) * 1000 >> 16
        # The answer is half a round trip old.
        ms += time.ticks_diff(got, sent) // 2
        self.answer = (seconds + ms // 1000, ms % 1000, got)
        return True

    def sync(self, clock, known):
        """Asks until an answer can be believed; returns whether the clock was offered it.

        known: (s, ms) of the last known time, or None. Within a day of what is known one answer is
        enough; else two servers must agree, or the only one twice: one stamp from the future would
        block the symbol for ever.
        """
        servers = self._servers
        voices = []
        for _ in range(2 * max(2, len(servers))):
            index = self._next % len(servers)
            yield from self._ask(servers[index])
            answer = self.answer
            if answer:
                known = clock.now() or known
                if known and abs(answer[0] - known[0]) <= _DAY_S or self._is_second(voices, index):
                    # Before the clock is known, and with it TLS, which looks at the chip's dates.
                    set_rtc(answer[0], answer[1])
                    clock.offer(*answer)
                    self._log("ntp ok server=" + servers[index])
                    return True
                voices.append((index, answer))
            self._next += 1
        if voices:
            self._log("ntp doubtful server=" + servers[voices[0][0]])
        return False

    def _is_second(self, voices, index):
        """Whether the answer agrees with one that another server gave."""
        s, _, ticks = self.answer
        for other, (first, _, at) in voices:
            if other != index or len(self._servers) == 1:
                if abs(s - first - time.ticks_diff(ticks, at) // 1000) <= _AGREE_S:
                    return True
        return False


def set_rtc(s, ms):
    """The chip's own clock: it begins in 2000, when no certificate was valid yet."""
    # gmtime counts from 2000 on the chip and from 1970 elsewhere.
    epoch = EPOCH_UNIX - _2000 if time.gmtime(0)[0] == 2000 else EPOCH_UNIX
    year, month, day, hour, minute, second, weekday, _ = time.gmtime(s + epoch)[:8]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, ms * 1000))
