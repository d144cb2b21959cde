# SNTP over UDP (RFC 4330), as a step machine: ntptime waits in the socket and knows one server.
import errno
import os
import socket
import time

from clock import EPOCH_NTP

# Two servers agree when they differ by less; both answers are milliseconds old.
_AGREE_S = 2
_DAY_S = 86400
_PORT = 123


class Ntp:
    """query() and run() are generators: each yield is a moment in which nothing was ready."""

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
        original = bytes(data[24:32])
        if original != nonce and original != bytes(8):
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
        """Asks until one server answers; a jump of more than a day needs two that agree.

        known: (s, ms) of the last known time, or None. Returns whether the clock was offered it.
        """
        first = None
        for _ in range(max(2, len(self._servers)) + 1):
            server = self._servers[self._next % len(self._servers)]
            yield from self._ask(server)
            if self.answer is None:
                self._next += 1
                continue
            s, ms, ticks = self.answer
            now = clock.now()
            reference = now if now else known
            if reference is None or s - reference[0] <= _DAY_S:
                break
            if first and abs(s - first[0] - time.ticks_diff(ticks, first[2]) // 1000) <= _AGREE_S:
                break
            first = self.answer
            self.answer = None
            self._next += 1  # another server, where there is one
        if self.answer is None:
            return False
        clock.offer(*self.answer)
        self._log("ntp ok server=" + self._servers[self._next % len(self._servers)])
        return True
