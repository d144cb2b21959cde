import _wx as wx
import micropython as _native

const = _native.const
opt_level = _native.opt_level
schedule = None


def schedule(function, arg):
    wx.schedule(lambda: function(arg))


def kbd_intr(char):
    wx.arm(char)


def alloc_emergency_exception_buf(size):
    pass


def heap_lock():
    pass


def heap_unlock():
    return 0


def stack_use():
    return 688


def mem_info(verbose=None):
    import gc

    free, used = gc.mem_free(), gc.mem_alloc()
    print("stack: 688 out of 15360")
    print("GC: total: 56000, used: %d, free: %d, max new split: 110592" % (used, max(0, 56000 - used)))
    print(" No. of 1-blocks: 10, 2-blocks: 3, max blk sz: 19, max free sz: %d" % (free // 50))


def qstr_info(verbose=None):
    print("qstr pool: n_pool=1, n_qstr=1, n_str_data_bytes=10, n_total_bytes=186")
