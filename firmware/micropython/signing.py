# WebAdmin's API keys, basic flow: each request carries a signature of what it asks.
import binascii

import sha384


def _decoded(path):
    """Percent-decoded bytes of a path."""
    out = bytearray()
    i = 0
    while i < len(path):
        if path[i] == "%":
            out.append(int(path[i + 1 : i + 3], 16))
            i += 3
        else:
            out.append(ord(path[i]))
            i += 1
    return bytes(out)


def signed_head(method, path, query):
    """The text before the body: method, decoded path in lower case, parameters by name."""
    pairs = sorted(part.split("=", 1) for part in query.split("&")) if query else []
    text = "&".join(pair[0].lower() + "=" + (pair[1] if len(pair) > 1 else "") for pair in pairs)
    # lower() of the chip knows ASCII only, and so do the names this station sends.
    return (method + _decoded(path).decode().lower() + text).encode()


class Signer:
    def __init__(self, name, secret):
        self._name = name
        self._hmac = sha384.Hmac(secret.encode())

    def headers(self, method, path, query, body):
        """The two header lines for a request; body is empty for GET."""
        head = signed_head(method, path, query)
        signature = binascii.b2a_base64(self._hmac.sign(head, body)).strip().decode()
        return "X-Deltix-ApiKey: %s\r\nX-Deltix-Signature: %s\r\n" % (self._name, signature)
