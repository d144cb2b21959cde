# Two CRC-16: MODBUS for the AM2320 (reflected 0xA001) and CCITT (0x1021) for the queue.
from array import array


def _table():
    table = array("H")
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
        table.append(crc)
    return table


_CCITT = _table()


def ccitt(data, start, end, crc):
    """CRC-16/CCITT of data[start:end], begun with crc. Allocates nothing."""
    table = _CCITT
    while start < end:
        crc = ((crc & 0xFF) << 8) ^ table[(crc >> 8) ^ data[start]]
        start += 1
    return crc


def modbus(data, end):
    """CRC-16/MODBUS of data[:end]: initial 0xFFFF. Six bytes a reading need no table."""
    crc = 0xFFFF
    i = 0
    while i < end:
        crc ^= data[i]
        bit = 0
        while bit < 8:
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
            bit += 1
        i += 1
    return crc
