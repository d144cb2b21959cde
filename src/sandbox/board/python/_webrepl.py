# What the chip's C module does between a WebSocket and os.dupterm(): the password, text frames as
# typed and printed bytes, binary ones as operations on files. It works on while somebody reads.
import io
import json
import _wx as wx

_PUT, _GET, _VERSION = 1, 2, 3
_HEADER = 82
_BINARY, _TEXT, _SET_OPTIONS, _GET_OPTIONS, _STREAM_CLOSE = 2, 1, 9, 8, 4
_MOST = 9

_secret = [b""]


def password(text):
    if not isinstance(text, str):
        raise TypeError("can't convert '%s' object to str implicitly" % type(text).__name__)
    if len(text.encode()) > _MOST:
        raise ValueError
    _secret[0] = text.encode()


class _webrepl(io.IOBase):
    def __init__(self, ws, *_):
        if not hasattr(ws, "readinto"):
            raise OSError("stream operation not supported")
        self._ws = ws
        self._is_in = False
        self._said = b""
        self._header = b""
        self._file = None
        self._op = 0
        # Bytes of a file that are to come; 1 while one is fetched: each piece is asked for.
        self._due = 0
        ws.write("Password: ")

    def _answer(self, data):
        was = self._ws.ioctl(_SET_OPTIONS, _BINARY)
        self._ws.write(data)
        self._ws.ioctl(_SET_OPTIONS, was)

    def readinto(self, buf, size=-1):
        ws = self._ws
        while True:
            n = ws.readinto(buf, 1)
            if not n:
                return n
            if not self._is_in:
                if self._login(buf[0]) is False:
                    return 0
            elif ws.ioctl(_GET_OPTIONS) == _TEXT:
                return n
            elif self._due:
                self._data(buf[0])
            else:
                self._header += bytes(buf[:1])
                if len(self._header) < _HEADER:
                    self._header += ws.read(_HEADER - len(self._header)) or b""
                if len(self._header) == _HEADER:
                    self._begin()

    def _login(self, byte):
        if byte not in (13, 10):
            if len(self._said) < _MOST + 1:
                self._said += bytes((byte,))
            return None
        if self._said != _secret[0]:
            self._ws.write("\r\nAccess denied\r\n")
            return False
        self._is_in = True
        self._ws.write("\r\nWebREPL connected\r\n>>> ")
        return True

    def _begin(self):
        header, self._header = self._header, b""
        self._op = header[2]
        if self._op == _VERSION:
            numbers = json.loads(wx.about())["version"][1:].split("-")[0].split(".")
            self._answer(bytes(int(one) for one in numbers))
            return
        name = header[18:].split(b"\0")[0].decode()
        self._file = open(name, "wb" if self._op == _PUT else "rb")
        self._answer(b"WB\0\0")
        if self._op == _PUT:
            self._due = int.from_bytes(header[12:16], "little")
            self._finish()
        elif self._op == _GET:
            self._due = 1

    def _data(self, byte):
        self._due -= 1
        data = bytes((byte,))
        if self._due:
            data += self._ws.read(min(511, self._due)) or b""
            self._due -= len(data) - 1
        if self._op == _PUT:
            self._file.write(data)
        else:
            piece = self._file.read(256)
            self._answer(len(piece).to_bytes(2, "little") + piece)
            self._due = 1 if piece else 0
        self._finish()

    def _finish(self):
        if not self._due:
            self._file.close()
            self._answer(b"WB\0\0")

    def read(self, size=1):
        buf = bytearray(1)
        n = self.readinto(buf)
        return n if n is None else bytes(buf[:n])

    def write(self, data):
        # Before the password nothing of the board is shown.
        return self._ws.write(data) if self._is_in else len(data)

    def ioctl(self, request, arg=0):
        if request == _STREAM_CLOSE:
            self._ws.ioctl(_STREAM_CLOSE)
            return 0
        raise OSError(22)

    def close(self):
        self._ws.ioctl(_STREAM_CLOSE)
