# The chip's tick counter, moved by hand: 2**30 ms, and what its arithmetic refuses (recorded).
PERIOD = 1 << 30


class Ticks:
    def __init__(self, now=PERIOD - 5000):
        self.now = now

    def ticks_ms(self):
        return self.now

    def ticks_add(self, ticks, delta):
        if not -(PERIOD // 2) <= delta < PERIOD // 2:
            raise OverflowError("ticks interval overflow")
        return (ticks + delta) % PERIOD

    def ticks_diff(self, a, b):
        return (a - b + PERIOD // 2) % PERIOD - PERIOD // 2

    def pass_ms(self, ms):
        self.now = (self.now + ms) % PERIOD
