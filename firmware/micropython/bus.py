# The I2C bus, and how a slave that holds SDA low after a brown-out is freed.
import time

from machine import I2C, Pin


def recover(scl, sda):
    """Nine clock pulses and a STOP (I2C specification, 3.1.16). True when SDA is high again."""
    data = Pin(sda, Pin.IN, Pin.PULL_UP)
    clock = Pin(scl, Pin.OPEN_DRAIN, value=1)
    for _ in range(9):
        clock.value(0)
        time.sleep_us(10)
        clock.value(1)
        time.sleep_us(10)
    data = Pin(sda, Pin.OPEN_DRAIN, value=0)
    time.sleep_us(10)
    data.value(1)
    time.sleep_us(10)
    return data.value() == 1


def open_bus(scl, sda, frequency):
    """Bus 0 on these pins, recovered first: after a reset nobody knows what a slave is doing."""
    recover(scl, sda)
    return I2C(0, scl=Pin(scl), sda=Pin(sda), freq=frequency)
