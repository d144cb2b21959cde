# A pseudo-terminal that leads to a TCP port, as a serial port leads to a board without control
# lines. Prints the terminal's path. Ends with its standard input.
import os
import pty
import select
import socket
import sys
import tty

master, slave = pty.openpty()
tty.setraw(slave)
wire = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print(os.ttyname(slave), flush=True)
while True:
    ready, _, _ = select.select([master, wire, 0], [], [])
    if 0 in ready and not os.read(0, 100):
        break
    if wire in ready:
        try:
            data = wire.recv(4096)
        except ConnectionResetError:
            break
        if not data:
            break
        while data:
            data = data[os.write(master, data) :]
    if master in ready:
        wire.sendall(os.read(master, 4096))
