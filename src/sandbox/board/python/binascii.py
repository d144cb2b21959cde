# The interpreter's codecs are written in Python and say other words than the chip's.
import binascii as _native

hexlify = _native.hexlify
b2a_base64 = _native.b2a_base64
crc32 = _native.crc32


def unhexlify(data):
    if len(data) % 2:
        raise ValueError("odd-length string")
    try:
        return _native.unhexlify(data)
    except ValueError:
        raise ValueError("non-hex digit found")


def a2b_base64(data):
    if isinstance(data, str):
        data = data.encode()
    try:
        return _native.a2b_base64(data)
    except Exception:
        raise ValueError("incorrect padding")
