import _wx as wx
from uctypes import addressof


class _Hash:
    def __init__(self, data=b""):
        self._data = bytes(data)

    def update(self, data):
        if self._data is None:
            raise ValueError("hash is final")
        self._data += bytes(data)

    def digest(self):
        data = self._data
        if data is None:
            raise ValueError("hash is final")
        self._data = None
        size = wx.digest(type(self).__name__, addressof(data) if data else 0, len(data))
        buf = bytearray(size)
        wx.take(addressof(buf), size)
        return bytes(buf)


class sha256(_Hash):
    pass


class sha1(_Hash):
    pass


class md5(_Hash):
    pass
