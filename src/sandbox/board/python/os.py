import _wx as wx
import io
import json
import sys
from collections import namedtuple
from uctypes import addressof

_EPERM, _ENOENT, _EEXIST, _ENODEV, _EINVAL = 1, 2, 17, 19, 22


def _check(result):
    if isinstance(result, int) and result < 0:
        raise OSError(-result)
    return result


class FileIO(io.IOBase):
    def __init__(self, fd):
        self._fd = fd

    def __repr__(self):
        return "<io.%s>" % type(self).__name__

    def _open_fd(self):
        if self._fd is None:
            raise ValueError
        return self._fd

    def readinto(self, buf, size=-1):
        size = len(buf) if size < 0 else min(size, len(buf))
        return _check(wx.fs_read(self._open_fd(), addressof(buf), size)) if size else 0

    def _read(self, size):
        fd = self._open_fd()
        if size is None or size < 0:
            at = wx.fs_seek(fd, 0, 1)
            size = wx.fs_seek(fd, 0, 2) - at
            wx.fs_seek(fd, at, 0)
            if size <= 0:
                return b""
        elif size == 0:
            return b""
        buf = bytearray(size)
        n = _check(wx.fs_read(fd, addressof(buf), size))
        return bytes(buf) if n == size else bytes(memoryview(buf)[:n])

    def _line(self, size):
        fd = self._open_fd()
        line = b""
        while size < 0 or len(line) < size:
            at = wx.fs_seek(fd, 0, 1)
            part = self._read(128 if size < 0 else min(128, size - len(line)))
            end = part.find(b"\n") + 1
            if end:
                wx.fs_seek(fd, at + end, 0)
                return line + part[:end]
            if not part:
                break
            line += part
        return line

    def read(self, size=-1):
        return self._read(size)

    def readline(self, size=-1):
        return self._line(size)

    def readlines(self):
        return list(self)

    def write(self, data):
        fd = self._open_fd()
        if isinstance(data, str):
            data = data.encode()
        n = len(data)
        return _check(wx.fs_write(fd, addressof(data), n)) if n else 0

    def seek(self, offset, whence=0):
        return _check(wx.fs_seek(self._open_fd(), offset, whence))

    def tell(self):
        return _check(wx.fs_seek(self._open_fd(), 0, 1))

    def flush(self):
        _check(wx.fs_flush(self._open_fd()))

    def close(self):
        fd = self._fd
        if fd is not None:
            self._fd = None
            _check(wx.fs_close(fd))

    def ioctl(self, request, arg):
        # MP_STREAM_FLUSH, MP_STREAM_CLOSE, as C code asks for them.
        if request == 1:
            self.flush()
            return 0
        if request == 4:
            self.close()
            return 0
        return -1

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def __iter__(self):
        return self

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line


class TextIOWrapper(FileIO):
    def read(self, size=-1):
        if size is None or size < 0:
            return self._read(size).decode()
        text = b""
        while size > 0:
            part = self._read(size)
            if not part:
                break
            text += part
            # Bytes inside a character are no characters of their own.
            size -= sum(1 for byte in part if byte & 0xC0 != 0x80)
            while size == 0 and text[-1] >= 0x80 and not _is_whole(text):
                text += self._read(1)
        return text.decode()

    def readline(self, size=-1):
        return self._line(size).decode()


def _is_whole(text):
    i = len(text) - 1
    while text[i] & 0xC0 == 0x80:
        i -= 1
    first = text[i]
    return len(text) - i >= (4 if first >= 0xF0 else 3 if first >= 0xE0 else 2)


class _Device:
    """A block device written in Python, or a partition of the flash, as littlefs sees it."""

    def __init__(self, bdev):
        self.block_size = bdev.ioctl(5, 0)
        self.blocks = bdev.ioctl(4, 0)
        if hasattr(bdev, "_offset"):
            self.number = wx.fs_flash(bdev._offset, bdev._size)
            return
        # The last block read lies here until the other side has looked at it.
        buf = None

        def read(block, at, size):
            nonlocal buf
            buf = bytearray(size)
            _check(bdev.readblocks(block, buf, at))
            return addressof(buf)

        def program(block, at, size):
            buf = bytearray(size)
            wx.fs_take(addressof(buf))
            _check(bdev.writeblocks(block, buf, at))

        def erase(block):
            _check(bdev.ioctl(6, block))

        self.number = wx.fs_blocks(self.block_size, self.blocks, read, program, erase)


class VfsLfs2:
    def __init__(self, bdev, readsize=32, progsize=32, lookahead=32, mtime=True):
        self._device = _Device(bdev)
        self._system = wx.fs_mount(self._device.number)
        if self._system < 0:
            raise OSError(_ENODEV)
        self._cwd = "/"

    @staticmethod
    def mkfs(bdev, readsize=32, progsize=32, lookahead=32):
        _check(wx.fs_format(_Device(bdev).number))

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def _path(self, path):
        return path if path.startswith("/") else self._cwd + path

    def open(self, path, mode="r"):
        kind = TextIOWrapper
        base = 0
        for c in mode:
            if c in "rwax":
                base += 1
            elif c == "b":
                kind = FileIO
            elif c not in "+t":
                raise ValueError
        if base > 1:
            raise ValueError
        if not base:
            mode = "r" + mode
        return kind(_check(wx.fs_open(self._system, self._path(path), mode)))

    def ilistdir(self, path=""):
        is_bytes = isinstance(path, bytes)
        if is_bytes:
            path = path.decode()
        found = _check(wx.fs_list(self._system, self._path(path)))
        for name, is_folder, size, _ in json.loads(found):
            if is_bytes:
                name = name.encode()
            yield (name, 0x4000 if is_folder else 0x8000, 0, size)

    def stat(self, path):
        is_folder, size, time = json.loads(_check(wx.fs_stat(self._system, self._path(path))))
        return (0x4000 if is_folder else 0x8000, 0, 0, 0, 0, 0, size, time, time, time)

    def statvfs(self, path):
        size, blocks = self._device.block_size, self._device.blocks
        free = blocks - _check(wx.fs_used(self._system))
        return (size, size, blocks, free, free, 0, 0, 0, 0, 255)

    def mkdir(self, path):
        _check(wx.fs_mkdir(self._system, self._path(path)))

    def remove(self, path):
        _check(wx.fs_remove(self._system, self._path(path)))

    rmdir = remove

    def rename(self, old, new):
        _check(wx.fs_rename(self._system, self._path(old), self._path(new)))

    def chdir(self, path):
        path = self._path(path)
        if path != "/" and not self.stat(path)[0] & 0x4000:
            raise OSError(-_ENOENT)
        self._cwd = _tidy(path)

    def getcwd(self):
        return "/" if self._cwd == "/" else self._cwd[:-1]


def _tidy(path):
    parts = []
    for part in path.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "".join(part + "/" for part in parts)


class _Files:
    """The mounted file systems, as C's vfs.c keeps them."""

    def __init__(self):
        self.mounts = {}
        self.current = None

    def lookup(self, path):
        if path.startswith("/"):
            for point in self.mounts:
                if point != "/" and (path == point or path.startswith(point + "/")):
                    return self.mounts[point], path[len(point) :] or "/"
            if "/" in self.mounts:
                return self.mounts["/"], path
            return None, path
        if self.current is None:
            return (None, path) if not path else self.lookup("/" + path)
        return self.current, path

    def find(self, path):
        vfs, rest = self.lookup(path)
        if vfs is None:
            raise OSError(_ENODEV if path not in ("", "/") else _EPERM)
        return vfs, rest

    def open(self, path, mode="r", *args, **kwargs):
        if isinstance(path, int):
            raise OSError(_EINVAL)
        if isinstance(path, bytes):
            path = path.decode()
        if path == "":
            raise OSError(_EPERM)
        vfs, rest = self.find(path)
        return vfs.open(rest, mode)

    def stat(self, path):
        vfs, rest = self.lookup(path)
        if vfs is None:
            if path in ("", "/"):
                return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
            raise OSError(_ENODEV)
        return vfs.stat(rest)


_files = _Files()


def mount(bdev, point, readonly=False, mkfs=False):
    if point in _files.mounts:
        raise OSError(_EPERM)
    if not hasattr(bdev, "mount"):
        bdev = VfsLfs2(bdev)
    bdev.mount(readonly, mkfs)
    _files.mounts[point] = bdev
    if point == "/":
        _files.current = bdev


def umount(point):
    for name, vfs in list(_files.mounts.items()):
        if point == name or point is vfs:
            del _files.mounts[name]
            if _files.current is vfs:
                _files.current = _files.mounts.get("/")
            vfs.umount()
            return
    raise OSError(_EINVAL)


def chdir(path):
    if path == "/":
        _files.current = _files.mounts.get("/")
        if _files.current:
            _files.current.chdir("/")
        return
    try:
        vfs, rest = _files.find(path)
        vfs.chdir(rest)
    except OSError as e:
        # littlefs' own number comes through here with its sign.
        raise OSError(-abs(e.errno))
    _files.current = vfs


def getcwd():
    if _files.current is None:
        return "/"
    for point, vfs in _files.mounts.items():
        if vfs is _files.current:
            path = vfs.getcwd()
            return path if point == "/" else point if path == "/" else point + path
    return "/"


def ilistdir(path=""):
    vfs, rest = _files.lookup(path)
    if vfs is None:
        if path in ("", "/"):
            return iter([(point[1:], 0x4000, 0) for point in _files.mounts if point != "/"])
        raise OSError(_ENODEV)
    found = list(vfs.ilistdir(rest))
    if path == "/" or (path == "" and getcwd() == "/"):
        points = [(point[1:], 0x4000, 0) for point in _files.mounts if point != "/"]
        found = points + found
    return iter(found)


def listdir(path=""):
    return [entry[0] for entry in ilistdir(path)]


def stat(path):
    return _files.stat(path)


def statvfs(path):
    vfs, rest = _files.find(path)
    return vfs.statvfs(rest)


def mkdir(path):
    vfs, rest = _files.find(path)
    if rest == "/" or path in _files.mounts:
        raise OSError(_EEXIST)
    vfs.mkdir(rest)


def remove(path):
    if path == "":
        raise OSError(_EPERM)
    vfs, rest = _files.find(path)
    vfs.remove(rest)


unlink = remove


def rmdir(path):
    vfs, rest = _files.find(path)
    vfs.rmdir(rest)


def rename(old, new):
    vfs, rest = _files.find(old)
    other, target = _files.find(new)
    if vfs is not other:
        raise OSError(_EPERM)
    vfs.rename(rest, target)


def sync():
    pass


def urandom(n):
    if n < 0:
        # The chip finds no room for it and writes there all the same (recorded).
        wx.call("memory_write", "[4294967295, 0, 0]", 0, 0)
    buf = bytearray(n)
    if n:
        wx.random(addressof(buf), n)
    return bytes(buf)


_about = json.loads(wx.about())


def uname():
    fields = ("sysname", "nodename", "release", "version", "machine")
    release = _about["version"][1:]
    version = "%s on %s" % (_about["version"], _about["date"])
    return namedtuple("", fields)("esp32", "esp32", release, version, _about["machine"])


_dupterms = [None]


def dupterm(stream, index=0):
    if index != 0:
        raise ValueError("invalid dupterm index")
    if stream is not None and not hasattr(stream, "readinto"):
        raise OSError("stream operation not supported")
    previous = _dupterms[0]
    _dupterms[0] = stream
    if stream is None:
        wx.dupterm_off()
    else:
        wx.dupterm(_copy)
    return previous


def dupterm_notify(arg=None):
    """Everything that has come to the second terminal, as if it had been typed."""
    byte = bytearray(1)
    typed = bytearray()
    while _dupterms[0] is not None:
        try:
            n = _dupterms[0].readinto(byte)
        except BaseException as e:
            _deactivate("dupterm: Exception in read() method, deactivating: ", e)
            break
        if n == 0:
            _deactivate("dupterm: EOF received, deactivating\n")
        if not n:
            break
        typed.extend(byte)
    if typed:
        wx.typed(addressof(typed), len(typed))


def _copy(size):
    data = bytearray(size)
    wx.printed(addressof(data), size)
    try:
        _dupterms[0].write(data)
    except BaseException as e:
        _deactivate("dupterm: Exception in write() method, deactivating: ", e)


def _deactivate(text, error=None):
    stream = dupterm(None)
    print(text, end="")
    if error is not None:
        sys.print_exception(error)
    try:
        stream.close()
    except Exception:
        pass
