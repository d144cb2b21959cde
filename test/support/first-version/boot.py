# Finishes an install that a power cut interrupted, before main.py can import half of it.
# Nothing else belongs here: while boot.py fails, main.py does not run.
try:
    import install
except ImportError:
    install = None  # removed by hand: the station itself may still be whole

if install:
    try:
        install.run()
    except OSError as error:
        # The flash refused: a mixture of two versions must not run, and nobody is here to help.
        import machine
        import time

        print("wx error install", error)
        time.sleep(5)
        machine.reset()
