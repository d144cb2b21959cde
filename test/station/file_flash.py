# The queue's flash as a file: on a chip it is no part of the heap either.


class FileFlash:
    """A partition's store over a file; what is kept is the order of pages, not NOR's bits."""

    is_durable = True
    pages = 64

    def __init__(self, path):
        self._file = open(path, "w+b")
        blank = b"\xff" * 4096
        for _ in range(self.pages):
            self._file.write(blank)
        self._blank = b"\xff" * 64

    def read(self, page, offset, buf):
        self._file.seek(page * 4096 + offset)
        self._file.readinto(buf)

    def write(self, page, offset, buf):
        self._file.seek(page * 4096 + offset)
        self._file.write(buf)

    def erase(self, page):
        self._file.seek(page * 4096)
        for _ in range(64):
            self._file.write(self._blank)

    def flush(self):
        pass
