from time import gmtime
import socket
import struct

# The server that is asked, and seconds to wait for its answer.
host = "pool.ntp.org"
timeout = 1


def time():
    query = bytearray(48)
    query[0] = 0x1B
    address = socket.getaddrinfo(host, 123)[0][-1]
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        s.settimeout(timeout)
        s.sendto(query, address)
        answer = s.recv(48)
    finally:
        s.close()
    seconds = struct.unpack("!I", answer[40:44])[0]
    # NTP counts from 1900, in 32 bits that wrap in 2036.
    if seconds < 3913056000:
        seconds += 0x100000000
    return seconds - 3155673600


def settime():
    import machine

    year, month, day, hour, minute, second, weekday, _ = gmtime(time())
    machine.RTC().datetime((year, month, day, weekday + 1, hour, minute, second, 0))
