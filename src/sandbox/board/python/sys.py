import _wx as wx
import io
import json
import sys as _native
from collections import namedtuple
from uctypes import addressof

_about = json.loads(wx.about())
_numbers = tuple(int(part) for part in _about["version"][1:].split("-")[0].split("."))

# Sub-version 6.3 with the flags of xtensawin, as the chip's build shows it.
implementation = namedtuple("", ("name", "version", "_machine", "_mpy"))(
    "micropython", _numbers + ("",), _about["machine"], 11014
)
version = "3.4.0; MicroPython %s on %s" % (_about["version"], _about["date"])
version_info = _native.version_info
platform = "esp32"
byteorder = "little"
maxsize = 2147483647
path = _native.path
argv = []
modules = _native.modules
exit = _native.exit
ps1 = ">>> "
ps2 = "... "


def print_exception(e, file=None):
    text = io.StringIO()
    _native.print_exception(e, text)
    # Frames of modules that are C code on the chip are not shown there.
    lines = [line for line in text.getvalue().split("\n") if not line.startswith('  File "/\x01/')]
    text = "\n".join(lines)
    if file is None:
        stdout.write(text)
    else:
        file.write(text)


def _read_byte():
    while True:
        byte = wx.take_byte()
        if byte >= 0:
            return byte
        if wx.wait(60000):
            raise KeyboardInterrupt


class _In(io.IOBase):
    def __init__(self, fd, text):
        self._fd = fd
        self._text = text

    def __repr__(self):
        return "<io.FileIO %d>" % self._fd

    def _bytes(self, size):
        found = bytearray()
        while size < 0 or len(found) < size:
            byte = _read_byte()
            if self._text and byte == 13:
                byte = 10
            if size < 0 and byte == 4:
                break
            found.append(byte)
        return bytes(found)

    def read(self, size=-1):
        found = self._bytes(-1 if size is None else size)
        return found.decode() if self._text else found

    def readinto(self, buf, size=-1):
        size = len(buf) if size < 0 else size
        buf[:size] = self._bytes(size)
        return size

    def readline(self, size=-1):
        line = b""
        while not line.endswith(b"\n") and (size < 0 or len(line) < size):
            line += self._bytes(1)
        return line.decode() if self._text else line

    def ioctl(self, request, arg):
        # MP_STREAM_POLL
        if request == 3:
            return arg & ((1 if wx.available() > 0 else 0) | 4)
        return 0

    @property
    def buffer(self):
        return _buffer


class _Out(_In):
    def write(self, data, *part):
        # As every stream of the chip: write(data, size) and write(data, from, size).
        if isinstance(data, str):
            data = data.encode()
        if part:
            at = part[0] if len(part) > 1 else 0
            data = memoryview(data)[at : at + part[-1]]
        n = len(data)
        if n:
            (wx.out if self._text else wx.out_raw)(addressof(data), n)
        return n


# One object for both ways, as on the chip.
_buffer = _Out(0, False)
stdin = _In(0, True)
stdout = _Out(1, True)
stderr = _Out(2, True)
