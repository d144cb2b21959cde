# Where the queue's pages live: a flash partition of their own, or files where there is none.
#
# Both have pages (their number), read(page, offset, buf), write(page, offset, buf), which only
# ever clears bits, erase(page), flush(): what was written before it is durable after it.
import os

PAGE = 4096


class _NoLock:
    def acquire(self):
        return True

    def release(self):
        pass


def make_lock():
    """A lock, or what serves as one where there is only one thread."""
    try:
        import _thread

        return _thread.allocate_lock()
    except ImportError:
        return _NoLock()


class PartitionStore:
    """The partition `wxqueue`: a write is durable when it returns, and needs no erase."""

    is_durable = True

    def __init__(self, partition):
        self._partition = partition
        self.pages = partition.ioctl(4, 0)

    def read(self, page, offset, buf):
        self._partition.readblocks(page, buf, offset)

    def write(self, page, offset, buf):
        # Three arguments program without an erase, two would erase first (shared facts, queue).
        self._partition.writeblocks(page, buf, offset)

    def erase(self, page):
        self._partition.ioctl(6, page)

    def flush(self):
        pass


class FileStore:
    """One file a page in a folder. Flushed in batches: a flush costs LittleFS an erase."""

    is_durable = False

    def __init__(self, folder, pages):
        self._folder = folder
        self.pages = pages
        self._page = -1
        self._file = None
        # Sampler and network share the one file that is open, and its position.
        self._lock = make_lock()
        try:
            os.mkdir(folder)
        except OSError:
            pass  # it exists; if it does not, the first write says so

    def _open(self, page, create):
        if page == self._page:
            return self._file
        self._close()
        path = self._folder + "/" + str(page)
        try:
            self._file = open(path, "r+b")
        except OSError:
            if not create:
                return None
            self._file = open(path, "w+b")
        self._page = page
        return self._file

    def _close(self):
        if self._file:
            self._file.close()
        self._file = None
        self._page = -1

    def read(self, page, offset, buf):
        self._lock.acquire()
        try:
            file = self._open(page, False)
            got = 0
            if file:
                file.seek(offset)
                got = file.readinto(buf) or 0
        finally:
            self._lock.release()
        while got < len(buf):
            buf[got] = 0xFF  # what an erased flash reads
            got += 1

    def write(self, page, offset, buf):
        self._lock.acquire()
        try:
            file = self._open(page, True)
            end = file.seek(0, 2)
            while end < offset:
                end += file.write(b"\xff")
            file.seek(offset)
            file.write(buf)
        finally:
            self._lock.release()

    def erase(self, page):
        self._lock.acquire()
        try:
            if page == self._page:
                self._close()
            os.remove(self._folder + "/" + str(page))
        except OSError:
            pass  # it never existed: as blank as it gets
        finally:
            self._lock.release()

    def flush(self):
        self._lock.acquire()
        try:
            if self._file:
                self._file.flush()
        finally:
            self._lock.release()


def open_store():
    """The partition when the board has one, else files in at most half of what is free."""
    try:
        import esp32

        found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="wxqueue")
    except ImportError:
        found = ()
    if found:
        return PartitionStore(found[0])
    # Not "/queue": a folder of that name would hide queue.py from import at the next start.
    return FileStore("/records", _file_pages())


def _file_pages():
    """Fixed at the first start: a page's place is its number modulo this."""
    path = "/records.pages"
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):
        pass  # the first start
    # Half: the rest stays for code updates, which need room for a second copy.
    stat = os.statvfs("/")
    pages = max(4, min(448, stat[1] * stat[3] // 2 // PAGE))
    with open(path + ".tmp", "w") as file:
        file.write(str(pages))
    os.rename(path + ".tmp", path)
    return pages
