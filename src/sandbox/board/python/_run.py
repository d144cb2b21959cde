# asyncio.run() and its kin: this build drives tasks from a browser's loop and leaves them out.
import asyncio
import time

core = asyncio.core


async def keep(coro, ends):
    try:
        ends.append((await coro, None))
    except BaseException as e:
        ends.append((None, e))


def run(coro):
    ends = []
    core.create_task(keep(coro, ends))
    while not ends:
        first = core._task_queue.peek()
        if first is None:
            return None
        ms = time.ticks_diff(first.ph_key, core.ticks())
        if ms > 0:
            time.sleep_ms(ms)
        core._run_iter()
    value, error = ends[0]
    if error is not None:
        raise error
    return value


asyncio.run = run
asyncio.run_until_complete = run
