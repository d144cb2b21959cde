# The chip's esp32 module for the Unix port: NVS, and a partition on NOR flash that only clears
# bits, counts what is done to it, and can lose its power at any operation.
import world

PAGE = 4096


class NVS:
    def __init__(self, namespace):
        self._data = world.nvs

    def get_i32(self, key):
        if key not in self._data:
            raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
        return self._data[key]

    def set_i32(self, key, value):
        self._data[key] = value

    def commit(self):
        pass


class PowerCut(BaseException):
    pass


class Flash:
    """pages of 4096; cut_at: the operation that is torn (0: never), `torn` of its bytes done."""

    def __init__(self, pages):
        self.data = [bytearray(b"\xff" * PAGE) for _ in range(pages)]
        self.operations = 0
        self.erases = [0] * pages
        self.programs = 0
        self.cut_at = 0
        self.torn = 0

    def _count(self):
        self.operations += 1
        return self.operations == self.cut_at


class Partition:
    TYPE_DATA = 1

    def __init__(self, flash):
        self.flash = flash

    @staticmethod
    def find(kind=1, subtype=255, label=None):
        if label != "wxqueue" or not world.pages:
            return []
        if world.flash is None:
            world.flash = Flash(world.pages)
        return [Partition(world.flash)]

    def ioctl(self, what, block=0):
        flash = self.flash
        if what == 4:
            return len(flash.data)
        if what == 5:
            return PAGE
        if what != 6:
            return None
        page = flash.data[block]
        if flash._count():
            # An erase that is cut leaves any mixture of old and blank.
            for i in range(PAGE):
                if world.random() % 256 < flash.torn:
                    page[i] |= world.random() & 255
            raise PowerCut()
        flash.erases[block] += 1
        blank = b"\xff" * 256
        for i in range(0, PAGE, 256):
            page[i : i + 256] = blank
        return 0

    def readblocks(self, block, buf, offset=0):
        if offset + len(buf) > PAGE:
            raise OSError(-260, "ESP_ERR_INVALID_SIZE")
        buf[:] = memoryview(self.flash.data[block])[offset : offset + len(buf)]

    def writeblocks(self, block, buf, offset=None):
        if offset is None:
            raise ValueError("two arguments erase first: no log does that")
        if offset + len(buf) > PAGE:
            raise OSError(-260, "ESP_ERR_INVALID_SIZE")
        flash = self.flash
        page = flash.data[block]
        size = len(buf)
        cut = flash._count()
        if cut:
            size = min(size, flash.torn)
        for i in range(size):
            page[offset + i] &= buf[i]
        if cut:
            if size < len(buf):
                # The byte under way has some of its bits.
                page[offset + size] &= buf[size] | (world.random() & 255)
            raise PowerCut()
        flash.programs += 1
