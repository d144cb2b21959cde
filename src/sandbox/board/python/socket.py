import _wx as wx
import io
from _board import call, taken

AF_INET = 2
AF_INET6 = 10
SOCK_STREAM = 1
SOCK_DGRAM = 2
SOCK_RAW = 3
IPPROTO_IP = 0
IPPROTO_TCP = 6
IPPROTO_UDP = 17
SOL_SOCKET = 4095
SO_REUSEADDR = 4
SO_BROADCAST = 32
SO_KEEPALIVE = 8
SO_BINDTODEVICE = 11
IP_ADD_MEMBERSHIP = 3
TCP_NODELAY = 1

_EAGAIN, _EINVAL, _ECONNRESET, _ETIMEDOUT, _EINPROGRESS = 11, 22, 104, 116, 119


def _is_address(text):
    parts = text.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)


def _resolve(host, port):
    if isinstance(port, str) and not port.isdigit():
        raise OSError(-201)
    port = int(port)
    if not 0 <= port <= 65535:
        raise OSError(-201)
    if host == "":
        return "0.0.0.0", port
    if _is_address(host):
        return host, port
    return call("resolve", host)[0], port


def getaddrinfo(host, port, family=0, kind=0, protocol=0, flags=0):
    address, port = _resolve(host, port)
    shown = address if host == "" else host
    return [(AF_INET, kind or SOCK_STREAM, protocol, shown, (address, port))]


def _pair(address):
    if not isinstance(address, (tuple, list)):
        raise TypeError("object '%s' isn't a tuple or list" % type(address).__name__)
    if len(address) != 2:
        raise ValueError("requested length 2 but object has length %d" % len(address))
    return _resolve(*address)


def _called(function, argument):
    import sys

    try:
        function(argument)
    except BaseException as e:
        sys.print_exception(e)


class socket(io.IOBase):
    def __init__(self, family=AF_INET, kind=SOCK_STREAM, protocol=0, _id=None):
        if _id is None:
            if family not in (AF_INET, AF_INET6) or kind not in (SOCK_STREAM, SOCK_DGRAM):
                raise OSError(_EINVAL)
            _id = call("socket", "udp" if kind == SOCK_DGRAM else "tcp")[0]
        self._id = _id
        # None = for ever, in milliseconds.
        self._timeout = None

    def __repr__(self):
        return "<socket>"

    def _retry(self, op, *args, data=None):
        """Calls until it no longer answers EAGAIN or the time is over."""
        if self._timeout == 0:
            return call(op, self._id, *args, data=data)
        end = None if self._timeout is None else wx.ticks_ms() + self._timeout
        while True:
            try:
                return call(op, self._id, *args, data=data)
            except OSError as e:
                if e.errno != _EAGAIN:
                    raise
            left = 60000 if end is None else end - wx.ticks_ms()
            if left <= 0:
                raise OSError(_ETIMEDOUT)
            if wx.wait(left):
                raise KeyboardInterrupt

    def settimeout(self, seconds):
        self._timeout = None if seconds is None or seconds < 0 else int(seconds * 1000)

    def setblocking(self, flag):
        self._timeout = None if flag else 0

    def setsockopt(self, level, option, value):
        if option == 20:
            # The chip's own option: a function to call while there is something to read or accept.
            if value is None:
                wx.unwatch(self._id)
            else:
                wx.watch(self._id, lambda: _called(value, self))

    def fileno(self):
        return self._id

    def connect(self, address):
        host, port = _pair(address)
        call("socket_connect", self._id, host, port)
        if self._timeout == 0:
            if call("socket_state", self._id)[0]["state"] == "connecting":
                raise OSError(_EINPROGRESS)
            return
        end = None if self._timeout is None else wx.ticks_ms() + self._timeout
        while True:
            state = call("socket_state", self._id)[0]
            if state["error"]:
                raise OSError(state["error"])
            if state["state"] != "connecting":
                return
            left = 60000 if end is None else end - wx.ticks_ms()
            if left <= 0:
                raise OSError(_ETIMEDOUT)
            if wx.wait(left):
                raise KeyboardInterrupt

    def bind(self, address):
        _, port = _pair(address)
        call("socket_bind", self._id, port)

    def listen(self, backlog=2):
        call("socket_listen", self._id)

    def accept(self):
        id, address, port = self._retry("socket_accept")[0]
        return socket(_id=id), (address, port)

    def send(self, data):
        if isinstance(data, str):
            data = data.encode()
        if self._timeout == 0:
            return self._retry("socket_send", data=data)[0]
        # A blocking send takes all: lwIP waits for room in its buffer.
        done = 0
        view = memoryview(data)
        while done < len(data) or not done:
            done += self._retry("socket_send", data=bytes(view[done : done + 4096]))[0]
            if not len(data):
                break
        return done

    write = send

    def sendall(self, data):
        self.send(data)

    def recv(self, size):
        return taken(self._retry("socket_receive", size)[1])

    def recvfrom(self, size):
        address, count = self._retry("socket_receive", size)
        return taken(count), tuple(address)

    def sendto(self, data, address):
        if isinstance(data, str):
            data = data.encode()
        return self._retry("socket_send_to", *_pair(address), data=data)[0]

    def read(self, size=-1):
        found = b""
        while size < 0 or len(found) < size:
            try:
                part = self.recv(1440 if size < 0 else size - len(found))
            except OSError as e:
                if e.errno == _EAGAIN:
                    return found or None
                raise
            if not part:
                break
            found += part
        return found

    def readinto(self, buf, size=-1):
        size = len(buf) if size < 0 else size
        done = 0
        while done < size:
            try:
                part = self.recv(size - done)
            except OSError as e:
                if e.errno == _EAGAIN:
                    return done or None
                raise
            if not part:
                break
            buf[done : done + len(part)] = part
            done += len(part)
        return done

    def readline(self, size=-1):
        line = b""
        while size < 0 or len(line) < size:
            try:
                ahead = taken(self._retry("socket_receive", 256, True)[1])
            except OSError as e:
                if e.errno == _EAGAIN:
                    return line or None
                raise
            if not ahead:
                break
            end = ahead.find(b"\n") + 1
            count = end or len(ahead)
            if size >= 0:
                count = min(count, size - len(line))
            line += self.recv(count)
            if end and count == end:
                break
        return line

    def makefile(self, *args):
        return self

    def close(self):
        id = self._id
        if id is not None and id >= 0:
            wx.unwatch(id)
            call("socket_close", id)

    def ioctl(self, request, arg):
        if request == 3:
            return self._poll(arg)
        if request == 4:
            self.close()
            return 0
        return -1

    def _poll(self, events):
        state = call("socket_state", self._id)[0]
        if state["error"] == 9:
            return 32
        found = 0
        if state["readable"]:
            found |= events & 1
        if state["writable"]:
            found |= events & 4
        if state["error"]:
            found |= 1 & events | 8
        return found

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()
