import _wx as wx
from uctypes import addressof

LOG_NONE, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_VERBOSE = range(6)


def flash_size():
    return wx.flash_size()


def flash_user_start():
    return 0x200000


def flash_read(offset, buf):
    wx.flash_read(offset, addressof(buf), len(buf))


def flash_write(offset, buf):
    wx.flash_program(offset, addressof(buf), len(buf))


def flash_erase(sector):
    wx.flash_erase(sector * 4096)


def osdebug(level, *args):
    pass
