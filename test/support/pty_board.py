# Runs MicroPython's Unix port on a pseudo-terminal and prints the path of another one that leads
# to it. The terminal is raw but for Ctrl-C, which raises as on the chip. When the interpreter ends
# (machine.reset() there), a new one starts. Ends with its standard input.
import os
import pty
import select
import signal
import sys
import termios
import tty

program, folder, heap = sys.argv[1:4]
inner_master, inner = pty.openpty()
outer_master, outer = pty.openpty()
for fd in (inner, outer):
    tty.setraw(fd)
mode = termios.tcgetattr(inner)
mode[3] |= termios.ISIG
mode[6] = [b"\0"] * len(mode[6])
mode[6][termios.VINTR] = b"\x03"
mode[6][termios.VMIN] = 1
termios.tcsetattr(inner, termios.TCSANOW, mode)


def start():
    pid = os.fork()
    if pid == 0:
        os.setsid()
        import fcntl

        fcntl.ioctl(inner, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(inner, fd)
        os.chdir(folder)
        os.execv(program, [program, "-X", "heapsize=" + heap])
    return pid


child = start()
print(os.ttyname(outer), flush=True)
try:
    while True:
        ready, _, _ = select.select([inner_master, outer_master, 0], [], [], 0.2)
        if 0 in ready and not os.read(0, 100):
            break
        if inner_master in ready:
            os.write(outer_master, os.read(inner_master, 4096))
        if outer_master in ready:
            os.write(inner_master, os.read(outer_master, 64))
        if os.waitpid(child, os.WNOHANG)[0]:
            child = start()
finally:
    os.kill(child, signal.SIGKILL)
