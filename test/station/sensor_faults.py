# Sensors that fall silent, a slave that holds the bus, and what the LED shows of an outage.
# Argument: the settings, as a file.
import sys

import world
from virtual_board import HOUR, end, install, live, say, set_world, time

def see():
    say(led=world.led, ap=world.ap, webrepl=world.webrepl)


world.ntp = {"a": 0}
world.pages = 32
for hour, action in (
    # One reading cut short: its slave waits for nine clocks with SDA low.
    (0.1, set_world(stuck_pulses=9)),
    (1.0, set_world(has_am2320=False, has_bmp180=False)),
    (8.0, set_world(has_am2320=True, has_bmp180=True)),
    (9.0, set_world(has_am2320=False, has_bmp180=False)),
    (9.05, set_world(has_am2320=True)),
    # Half a minute without Wi-Fi, two minutes, and back.
    (9.3, see),
    (9.5, set_world(wifi=False)),
    (9.51, see),
    (9.54, see),
    (9.6, set_world(wifi=True)),
    (9.65, see),
    (10.0, end),
):
    time.at(hour * HOUR, action)
install(sys.argv[1])
live()
