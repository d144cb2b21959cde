# RFC 6455 as the chip's C module speaks it: a server's frames, whole ones only, over a socket that
# may have nothing yet. It reads ahead; who asks for a byte gets what has come, as there.
import io

_TEXT, _CLOSE = 1, 8
_GET_OPTIONS, _SET_OPTIONS, _STREAM_CLOSE = 8, 9, 4
_EAGAIN, _EINVAL = 11, 22


class websocket(io.IOBase):
    def __init__(self, sock, blocking_write=False):
        if not hasattr(sock, "readinto"):
            raise OSError("stream operation not supported")
        self._sock = sock
        self._blocks = blocking_write is True
        self._raw = b""
        # Of the frame that is being read: payload still to come, its mask and how far that is used.
        self._left = 0
        self._mask = None
        self._at = 0
        self._is_control = False
        self._kind = _TEXT
        self._sends = _TEXT

    def _more(self):
        """False: nothing has come; 0: nothing will."""
        try:
            part = self._sock.recv(1440)
        except OSError as e:
            if e.errno != _EAGAIN:
                raise
            return False
        if not part:
            return 0
        self._raw += part
        return True

    def _head(self):
        raw = self._raw
        if len(raw) < 2:
            return False
        size = raw[1] & 0x7F
        at = 2
        if size == 127:
            raise AssertionError
        if size == 126:
            if len(raw) < 4:
                return False
            size = raw[2] << 8 | raw[3]
            at = 4
        masked = raw[1] & 0x80
        if masked and len(raw) < at + 4:
            return False
        self._mask = raw[at : at + 4] if masked else b"\0\0\0\0"
        self._raw = raw[at + 4 :] if masked else raw[at:]
        self._opcode = raw[0] & 0x0F
        self._is_control = self._opcode >= _CLOSE
        if self._opcode:
            self._kind = self._opcode
        self._left = size
        self._at = 0
        return True

    def readinto(self, buf, size=-1):
        size = len(buf) if size < 0 else size
        has_head = self._left > 0
        while True:
            if not has_head:
                if not self._head():
                    more = self._more()
                    if not more:
                        return None if more is False else 0
                    continue
                has_head = True
            if self._left and not self._raw:
                more = self._more()
                if not more:
                    return None if more is False else 0
            count = min(len(self._raw), self._left)
            if not self._is_control:
                count = min(count, size)
            part, self._raw = self._raw[:count], self._raw[count:]
            self._left -= count
            if self._is_control:
                # What a ping carries is dropped, and no pong goes back.
                if self._left:
                    continue
                if self._opcode == _CLOSE:
                    self._send(bytes((0x80 | _TEXT, 2, 0x88, 0)))
                    return 0
                has_head = False
                continue
            if count == 0:
                has_head = False
                continue
            mask, at = self._mask, self._at
            for i in range(count):
                buf[i] = part[i] ^ mask[at & 3]
                at += 1
            self._at = at
            return count

    def read(self, size=1):
        buf = bytearray(size)
        n = self.readinto(buf)
        return n if n is None else bytes(buf[:n])

    def _send(self, data):
        if self._blocks:
            self._sock.setblocking(True)
        try:
            self._sock.write(data)
        finally:
            if self._blocks:
                self._sock.setblocking(False)

    def write(self, data):
        if isinstance(data, str):
            data = data.encode()
        size = len(data)
        head = (size,) if size < 126 else (126, size >> 8, size & 255)
        self._send(bytes((0x80 | self._sends,) + head) + bytes(data))
        return size

    def ioctl(self, request, arg=0):
        if request == _STREAM_CLOSE:
            self._sock.close()
            return 0
        if request == _GET_OPTIONS:
            return self._kind
        if request == _SET_OPTIONS:
            was, self._sends = self._sends, arg & 0x0F
            return was
        raise OSError(_EINVAL)

    def close(self):
        self._sock.close()
