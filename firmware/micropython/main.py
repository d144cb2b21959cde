# Starts the station. Three failed boots in a row, or a file /safe, lead to safe mode: the prompt
# and the access point, nothing else.
import gc
import os
import time

import crash
import machine
from config import VERSION, write_wifi  # write_wifi is for whoever comes over WebREPL

# In these two seconds Ctrl-C always wins, whatever the station's code would do.
_WINDOW_MS = 2000


def _is_asked_for():
    try:
        os.stat("/safe")
        return True
    except OSError:
        return False


def _log(text):
    print("wx " + text)


def _safe_mode(reason):
    # No module of the station itself: a damaged one may be why it is here.
    import config
    from wifi import Wifi

    _log("safe reason=" + reason)
    error = crash.last()[1]
    if error:
        _log("error " + error)
    settings = config.load()[0]
    Wifi(settings, config.symbol_of(settings, machine.unique_id()), _log).open_access_point()


def _bury(error, boot, began, here):
    """Keeps what happened, and resets whatever else goes wrong: nobody is here to help."""
    try:
        # The station runs with its collector off, and what ended it may be a full heap.
        gc.enable()
        gc.collect()
        _log("error crash")
        crash.save(error, boot, time.ticks_diff(time.ticks_ms(), began) // 1000)
        if here:
            here.queue.flush()
    finally:
        machine.reset()


def _run():
    boots = crash.Boots()
    boot = boots.count()
    cause = machine.reset_cause()
    print("wx boot n=%d cause=%d station=%s" % (boot, cause, VERSION))
    began = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), began) < _WINDOW_MS:
        time.sleep_ms(50)
    if _is_asked_for():
        _safe_mode("file")
        return
    if not boots.begin(cause == machine.PWRON_RESET):
        _safe_mode("crashes")
        return
    here = None
    try:
        import station

        here = station.Station(boots, boot)
        here.run()
    except KeyboardInterrupt:
        if here:
            here.leave()
        boots.went_well()
        print("wx stopped")
    except Exception as error:
        _bury(error, boot, began, here)


_run()
