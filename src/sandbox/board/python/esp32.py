import _wx as wx
import json
from uctypes import addressof

HEAP_DATA = 4
HEAP_EXEC = 1
WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True

_BLOCK = 4096
_NAMES = {
    -258: "ESP_ERR_INVALID_ARG",
    -259: "ESP_ERR_INVALID_STATE",
    -260: "ESP_ERR_INVALID_SIZE",
    -261: "ESP_ERR_NOT_FOUND",
    -4354: "ESP_ERR_NVS_NOT_FOUND",
    -4357: "ESP_ERR_NVS_NOT_ENOUGH_SPACE",
    -4361: "ESP_ERR_NVS_KEY_TOO_LONG",
    -4364: "ESP_ERR_NVS_INVALID_LENGTH",
    -5379: "ESP_ERR_OTA_VALIDATE_FAILED",
}


def _raise(code):
    raise OSError(code, _NAMES[code])


def _table():
    """The partition table in flash at 0x8000: 32 bytes an entry, magic AA 50."""
    found = []
    entry = bytearray(32)
    for i in range(95):
        wx.flash_read(0x8000 + 32 * i, addressof(entry), 32)
        if entry[0] != 0xAA or entry[1] != 0x50:
            break
        offset = int.from_bytes(entry[4:8], "little")
        size = int.from_bytes(entry[8:12], "little")
        label = bytes(entry[12:28]).split(b"\0")[0].decode()
        found.append((entry[2], entry[3], offset, min(size, wx.flash_size() - offset), label))
    return found


class Partition:
    TYPE_APP = 0
    TYPE_DATA = 1
    BOOT = 0
    RUNNING = 1

    def __init__(self, which):
        if which == Partition.RUNNING:
            row = next(row for row in _table() if row[0] == 0)
        elif which == Partition.BOOT:
            raise OSError(2)
        elif isinstance(which, str):
            row = None
            for one in _table():
                if one[4] == which:
                    row = one
                    break
            if row is None:
                raise OSError(2)
        elif isinstance(which, tuple):
            row = which
        else:
            raise ValueError
        self._row = row
        self._offset = row[2]
        self._size = row[3]

    def __repr__(self):
        return "<Partition type=%d, subtype=%d, address=%d, size=%d, label=%s, encrypted=0>" % self._row

    @staticmethod
    def find(type=0, subtype=0xFF, label=None):
        return [
            Partition(row)
            for row in _table()
            if row[0] == type and subtype in (0xFF, row[1]) and label in (None, row[4])
        ]

    def info(self):
        return self._row + (False,)

    def readblocks(self, block, buf, offset=0):
        if isinstance(buf, bytes):
            raise TypeError("object with buffer protocol required")
        at = self._where(block, len(buf), offset)
        if len(buf):
            wx.flash_read(at, addressof(buf), len(buf))

    def writeblocks(self, block, buf, offset=None):
        if isinstance(buf, str):
            buf = buf.encode()
        size = len(buf)
        if offset is None:
            at = self._where(block, size, 0)
            if size % _BLOCK:
                _raise(-260)
            for i in range(0, size, _BLOCK):
                wx.flash_erase(at + i)
        else:
            at = self._where(block, size, offset)
        if size:
            wx.flash_program(at, addressof(buf), size)

    def _where(self, block, size, offset):
        if not isinstance(block, int):
            raise TypeError("can't convert %s to int" % type(block).__name__)
        at = (block * _BLOCK + offset) & 0xFFFFFFFF
        if at > self._size:
            _raise(-258)
        if at + size > self._size:
            _raise(-260)
        return self._offset + at

    def ioctl(self, request, arg=0):
        if 1 <= request <= 3:
            return 0
        if request == 4:
            return self._size // _BLOCK
        if request == 5:
            return _BLOCK
        if request == 6:
            at = arg * _BLOCK
            if at < 0:
                _raise(-258)
            if at + _BLOCK > self._size:
                _raise(-260)
            wx.flash_erase(self._offset + at)
            return 0
        return None

    def get_next_update(self):
        raise OSError(2)

    def set_boot(self):
        _raise(-261 if self._row[0] == 0 else -5379)

    @staticmethod
    def mark_app_valid_cancel_rollback():
        _raise(-261)


def idf_heap_info(capabilities):
    return [tuple(row) for row in json.loads(wx.idf_heap(capabilities))]


def raw_temperature():
    return 128


def _fits(value):
    if not isinstance(value, int):
        raise TypeError("can't convert %s to int" % type(value).__name__)
    if not -0x80000000 < value < 0x80000000:
        raise OverflowError("overflow converting long int to machine word")
    return value


class NVS:
    def __init__(self, namespace):
        row = next((row for row in _table() if row[0] == 1 and row[1] == 2), None)
        if row is None:
            _raise(-261)
        self._id = wx.nvs_open(row[2], row[3], namespace)

    def __repr__(self):
        return "<NVS namespace>"

    def get_i32(self, key):
        value = wx.nvs_get(self._id, key)
        if value is None:
            _raise(-4354)
        return value

    def set_i32(self, key, value):
        error = wx.nvs_set(self._id, key, _fits(value))
        if error:
            _raise(error)

    def get_blob(self, key, buf):
        size = wx.nvs_get_blob(self._id, key)
        if size < 0:
            _raise(size)
        if size > len(buf):
            _raise(-4364)
        if size:
            wx.take(addressof(buf), size)
        return size

    def set_blob(self, key, data):
        data = bytes(data)
        error = wx.nvs_set_blob(self._id, key, addressof(data) if data else 0, len(data))
        if error:
            _raise(error)

    def erase_key(self, key):
        error = wx.nvs_erase(self._id, key)
        if error:
            _raise(error)

    def commit(self):
        pass
