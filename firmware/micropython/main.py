# Starts the station. Three failed boots in a row, or a file /safe, lead to safe mode: the prompt
# and the access point, nothing else.
import os
import sys
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


def _safe_mode(reason):
    import config
    import network
    import station
    from wifi import Wifi

    print("wx safe reason=" + reason)
    error = crash.last()[1]
    if error:
        print("wx error " + error)
    settings = config.load()[0]
    mac = network.WLAN(network.STA_IF).config("mac")
    Wifi(settings, station.symbol_of(settings, mac), station.log).open_access_point()


def _run():
    boots = crash.Boots()
    boot = boots.count()
    cause = machine.reset_cause()
    print("wx boot n=%d cause=%d station=%s" % (boot, cause, VERSION))
    began = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), began) < _WINDOW_MS:
        time.sleep_ms(50)
    if cause == machine.PWRON_RESET:
        boots.went_well()  # somebody is there and tries again
    elif cause == machine.WDT_RESET:
        boots.failed()
    if _is_asked_for():
        _safe_mode("file")
        return
    if boots.is_hopeless():
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
        print("wx error crash")
        crash.save(error, boot, time.ticks_diff(time.ticks_ms(), began) // 1000)
        boots.failed()
        if here:
            here.queue.flush()
        machine.reset()


_run()
