# The chip's socket and select over the world's Wi-Fi: time servers that answer in the world's time,
# and TCP to a real server, which has all the time it needs while the world's clock stands still.
import errno
import select as real_select
import socket as real_socket

import world

# Real milliseconds in which a server on this computer answers or is asked again.
_PATIENCE_MS = 20
_EPOCH_NTP = 2208988800  # of 1970
_UNREACHABLE = 118  # on the chip (lwIP)


class _Udp:
    """One question to a time server; world.ntp has its error in ms, or None when it is silent."""

    def setblocking(self, on):
        pass

    def sendto(self, packet, address):
        if not world.wifi:
            raise OSError(_UNREACHABLE)
        self._nonce = bytes(packet[40:48])
        self._error = world.ntp.get(address)

    def recv(self, size):
        if not world.wifi or self._error is None:
            raise OSError(errno.EAGAIN)
        ms = world.unix_ms() + self._error
        s = ms // 1000 + _EPOCH_NTP
        part = ms % 1000 * 65536 // 1000 + 1
        answer = bytearray(48)
        answer[0:2] = b"\x24\x02"
        answer[24:32] = self._nonce
        for i in range(4):
            answer[40 + i] = s >> (24 - 8 * i) & 255
        answer[44:46] = bytes((part >> 8, part & 255))
        return answer

    def close(self):
        pass


class _Tcp:
    def __init__(self, family, kind):
        self.real = real_socket.socket(family, kind)
        self._poll = real_select.poll()
        self._poll.register(self.real, real_select.POLLIN)
        self._is_asked = False

    def setblocking(self, on):
        self.real.setblocking(on)

    def connect(self, address):
        if not world.wifi:
            raise OSError(_UNREACHABLE)
        self.real.connect(address)

    def write(self, data):
        if not world.wifi:
            return None
        self._is_asked = True
        return self.real.write(data)

    def readinto(self, buf):
        if not world.wifi:
            return None
        if self._is_asked:
            if not self._poll.poll(_PATIENCE_MS):
                return None
            self._is_asked = False
        return self.real.readinto(buf)

    def close(self):
        self.real.close()


class Socket:
    AF_INET = real_socket.AF_INET
    SOCK_STREAM = real_socket.SOCK_STREAM
    SOCK_DGRAM = real_socket.SOCK_DGRAM

    def getaddrinfo(self, host, port, family=0, kind=0):
        if not world.wifi:
            raise OSError(-202)
        if host in world.ntp:
            return [(0, 0, 0, "", host)]
        return real_socket.getaddrinfo(host, port, family, kind)

    def socket(self, family, kind):
        return _Udp() if kind == self.SOCK_DGRAM else _Tcp(family, kind)


class _Poll:
    def __init__(self):
        self._real = real_select.poll()

    def register(self, sock, events):
        self._real.register(sock.real, events)

    def unregister(self, sock):
        self._real.unregister(sock.real)

    def poll(self, ms):
        return self._real.poll(_PATIENCE_MS) if world.wifi else []


class Select:
    POLLIN = real_select.POLLIN
    POLLOUT = real_select.POLLOUT
    POLLERR = real_select.POLLERR
    POLLHUP = real_select.POLLHUP
    poll = _Poll
