# Reads the sensors on a drift-free tick and puts what they say into the queue. It never touches
# the network, and a reading leaves nothing on the heap.
import gc
import time

import bus
from am2320 import AM2320, STALE_MS
from bmp180 import BMP180

# A reading this much late still belongs to its slot: its stamp is the slot's time.
_PUNCTUAL_MS = 50
# Later than this is what a reading must not be in more than 1 % of the slots.
_LATE_MS = 20
# After a longer interval than the AM2320's STALE_MS its first answer is stale: it is asked once
# before the slot, and at least its 2 s between two measurements must lie there and behind.
_MEASURE_MS = 2000
_PRIME_MS = 2500
# With longer ones a step between two readings says nothing.
_STEP_MS = 2500
_RECOVER_EVERY = 8

# Plausible outdoors, and from one reading 2 s later to the next (shared facts, sensors).
_RANGE = ((-600, 600), (0, 1000), (-600, 850), (50000, 108500))
_STEP = (20, 100, 20, 100)


class Slots:
    """Times of readings: next is when the next one is due, in ticks. No slot is met twice."""

    def __init__(self, interval_ms, ticks):
        self.interval = interval_ms
        self.next = ticks
        self.missed = 0

    def left(self, ticks):
        return time.ticks_diff(self.next, ticks)

    def take(self, ticks):
        """The slot that is due now, in ticks; those a whole interval late are counted missed."""
        late = time.ticks_diff(ticks, self.next)
        if late >= self.interval:
            count = late // self.interval
            self.missed += count
            self.next = time.ticks_add(self.next, count * self.interval)
        slot = self.next
        self.next = time.ticks_add(slot, self.interval)
        return slot


class Sampler:
    def __init__(self, config, clock, queue, status, log):
        self._config = config
        self._clock = clock
        self._queue = queue
        self._status = status
        self._log = log
        self._i2c = bus.open_bus(config["scl"], config["sda"], config["i2c_frequency"])
        self._air = AM2320(self._i2c)
        self._case = BMP180(self._i2c, config["oversampling"])
        self.slots = Slots(config["sample_interval"] * 1000, time.ticks_ms())
        interval = self.slots.interval
        # How many ms before a slot it is asked; 0: not at all.
        self._prime_ms = min(_PRIME_MS, interval - _MEASURE_MS) if interval > STALE_MS else 0
        self._is_primed = False
        self._air_fails = 0
        self._case_fails = 0
        self._last = [None, None, None, None]
        self._good_at = time.ticks_ms()
        self.taken = 0
        self.late = 0
        self.longest_ms = 0

    def check(self):
        """Asks both sensors once, says what they answer, and puts the first slot so long after it
        that the AM2320 has measured again."""
        air = case = "ok"
        try:
            self._air.read()
        except OSError as error:
            air = _word(error)
        try:
            self._case.read()
        except OSError as error:
            case = _word(error)
        self.slots.next = time.ticks_add(time.ticks_ms(), _MEASURE_MS)
        self._is_primed = True
        self._log("sensors am2320=%s bmp180=%s" % (air, case))
        if air != "ok" or case != "ok":
            self._status.fault("sensors am2320=%s bmp180=%s" % (air, case))

    def wait_ms(self, ticks):
        """How long nothing is due: neither the reading (0: it is) nor what must precede it."""
        left = self.slots.left(ticks)
        if self._prime_ms and not self._is_primed:
            ahead = left - self._prime_ms
            if ahead > 0:
                return ahead
            self._is_primed = True
            # Somebody held the loop for too long: two questions in a row would spoil the second.
            if left > _MEASURE_MS - _LATE_MS:
                self._prime()
            left = self.slots.left(time.ticks_ms())
        return max(left, 0)

    def _prime(self):
        """What is read now, nobody wants."""
        try:
            self._air.read()
        except OSError:
            pass  # the reading itself will find out

    def sample(self):
        """Takes the reading that is due. Allocates nothing while the sensors answer."""
        clock = self._clock
        self._is_primed = False
        slot = self.slots.take(time.ticks_ms())
        late = time.ticks_diff(time.ticks_ms(), slot)
        if late > self.longest_ms:
            self.longest_ms = late
        if late > _LATE_MS:
            self.late += 1
        clock.tick(slot if late < _PUNCTUAL_MS else time.ticks_ms())
        self._read_air()
        self._read_case()
        if clock.is_pending():
            clock.apply(self._queue)
        air, case = self._air, self._case
        if air.temperature is None and case.pressure is None:
            return
        self._good_at = time.ticks_ms()
        self._judge(0, air.temperature)
        self._judge(1, air.humidity)
        self._judge(2, case.temperature)
        self._judge(3, case.pressure)
        clock.stamp()
        self.taken += 1
        try:
            self._queue.append(
                clock.s, clock.ms, air.temperature, air.humidity, case.temperature, case.pressure
            )
        except OSError as error:
            self._queue.dropped += 1
            self._status.fault("queue %s" % error)

    def _read_air(self):
        try:
            self._air.read()
            if self._air_fails:
                self._log("sensors am2320=ok")
            self._air_fails = 0
        except OSError as error:
            self._air_fails += 1
            self._failed("am2320", self._air_fails, error)

    def _read_case(self):
        try:
            self._case.read()
            if self._case_fails:
                self._log("sensors bmp180=ok")
            self._case_fails = 0
        except OSError as error:
            self._case_fails += 1
            self._failed("bmp180", self._case_fails, error)

    def _failed(self, name, fails, error):
        self._status.sensor_errors += 1
        if fails == 2:  # one wrong bit on a long cable is no fault
            self._log("sensors %s=%s" % (name, _word(error)))
            self._status.fault("sensor %s %s" % (name, _word(error)))
        if self._air_fails and self._case_fails and fails % _RECOVER_EVERY == 0:
            config = self._config
            freed = bus.recover(config["scl"], config["sda"])
            self._i2c = bus.open_bus(config["scl"], config["sda"], config["i2c_frequency"])
            self._air.i2c = self._case.i2c = self._i2c
            self._log("sensors recovered sda=%d" % freed)

    def _judge(self, i, value):
        """Counts what is hard to believe. It is kept: the weather has the last word."""
        last = self._last
        if value is not None:
            low, high = _RANGE[i]
            if value < low or value > high:
                self._status.suspect += 1
            elif last[i] is not None and self.slots.interval <= _STEP_MS:
                if abs(value - last[i]) > _STEP[i]:
                    self._status.suspect += 1
        last[i] = value

    def silent_ms(self):
        """How long no sensor has said anything."""
        return time.ticks_diff(time.ticks_ms(), self._good_at)


def _word(error):
    text = str(error.args[0]) if error.args else "error"
    return text.replace(" ", "-")
