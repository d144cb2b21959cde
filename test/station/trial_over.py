# Settings on trial with which nothing is ever uploaded, and a reading every half an hour: when the
# station gives them up. Arguments: the settings in use and those on trial, as files.
import sys

import world
from virtual_board import HOUR, end, install, live, time

world.pages = 32
world.ntp = {"a": 0}
time.at(0.2 * HOUR, end)
with open(sys.argv[2]) as file:
    trial = file.read()
install(sys.argv[1])
with open("/station.try.json", "w") as file:
    file.write(trial)
live()
