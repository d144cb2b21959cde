# The Wi-Fi LED: PWM, so that it blinks whatever the code is waiting for.
from machine import PWM, Pin

_STATES = {"searching": (1, 32768), "joined": (1000, 65535), "open": (4, 32768)}


class Led:
    def __init__(self, pin):
        self._state = None
        self._pwm = None
        self._pin = pin

    def show(self, state):
        if state == self._state or self._pin < 0:
            return
        self._state = state
        frequency, duty = _STATES[state]
        try:
            if self._pwm is None:
                self._pwm = PWM(Pin(self._pin), freq=frequency, duty_u16=duty)
            else:
                self._pwm.freq(frequency)
                self._pwm.duty_u16(duty)
        except (OSError, ValueError):
            self._pin = -1  # this pin cannot blink; a station works in the dark, too
