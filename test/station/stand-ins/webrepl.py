import world


def start(port=8266, password=None):
    if not 4 <= len(password) <= 9:
        raise ValueError()
    world.webrepl = True


def stop():
    world.webrepl = False
