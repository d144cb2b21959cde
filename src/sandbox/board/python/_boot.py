# The chip's firmware before the user's files. Tracebacks show its lines: their numbers are recorded.
import gc
import vfs
from flashbdev import bdev

try:
    if bdev:
        vfs.mount(vfs.VfsLfs2(bdev), "/")
except OSError:
    import inisetup
    inisetup.setup()

gc.collect()
