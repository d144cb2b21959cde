# One call of the world outside the interpreter: pins, radio, network.
import _wx as wx
import json
from uctypes import addressof


def call(op, *args, data=None):
    """The value of a call; OSError where it answers one. `data` goes along as bytes."""
    if data is not None and len(data):
        answer = wx.call(op, json.dumps(args), addressof(data), len(data))
    else:
        answer = wx.call(op, json.dumps(args), 0, 0)
    answer = json.loads(answer)
    if "error" in answer:
        error = answer["error"]
        if isinstance(error, list):
            raise OSError(*error)
        raise OSError(error)
    return answer.get("value"), answer["size"]


def taken(size):
    """The bytes that came with the last answer."""
    buf = bytearray(size)
    if size:
        wx.take(addressof(buf), size)
    return bytes(buf)
