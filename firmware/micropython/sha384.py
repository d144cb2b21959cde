# SHA-384 (FIPS 180-4) and its HMAC (RFC 2104): the chip's hashlib has neither.
#
# 64-bit words are four 16-bit limbs, the least first: no sum leaves a small integer, so the same
# code is right as viper's machine words of 32 or 64 bits and as plain Python.
from array import array

# FIPS 180-4, 4.2.3 (round constants) and 5.3.4 (initial value).
_K = (
    "428a2f98d728ae227137449123ef65cdb5c0fbcfec4d3b2fe9b5dba58189dbbc3956c25bf348b53859f111f1b605d019"
    "923f82a4af194f9bab1c5ed5da6d8118d807aa98a303024212835b0145706fbe243185be4ee4b28c550c7dc3d5ffb4e2"
    "72be5d74f27b896f80deb1fe3b1696b19bdc06a725c71235c19bf174cf692694e49b69c19ef14ad2efbe4786384f25e3"
    "0fc19dc68b8cd5b5240ca1cc77ac9c652de92c6f592b02754a7484aa6ea6e4835cb0a9dcbd41fbd476f988da831153b5"
    "983e5152ee66dfaba831c66d2db43210b00327c898fb213fbf597fc7beef0ee4c6e00bf33da88fc2d5a79147930aa725"
    "06ca6351e003826f142929670a0e6e7027b70a8546d22ffc2e1b21385c26c9264d2c6dfc5ac42aed53380d139d95b3df"
    "650a73548baf63de766a0abb3c77b2a881c2c92e47edaee692722c851482353ba2bfe8a14cf10364a81a664bbc423001"
    "c24b8b70d0f89791c76c51a30654be30d192e819d6ef5218d69906245565a910f40e35855771202a106aa07032bbd1b8"
    "19a4c116b8d2d0c81e376c085141ab532748774cdf8eeb9934b0bcb5e19b48a8391c0cb3c5c95a634ed8aa4ae3418acb"
    "5b9cca4f7763e373682e6ff3d6b2b8a3748f82ee5defb2fc78a5636f43172f6084c87814a1f0ab728cc702081a6439ec"
    "90befffa23631e28a4506cebde82bde9bef9a3f7b2c67915c67178f2e372532bca273eceea26619cd186b8c721c0c207"
    "eada7dd6cde0eb1ef57d4f7fee6ed17806f067aa72176fba0a637dc5a2c898a6113f9804bef90dae1b710b35131c471b"
    "28db77f523047d8432caab7b40c724933c9ebe0a15c9bebc431d67c49c100d4c4cc5d4becb3e42b6597f299cfc657e2a"
    "5fcb6fab3ad6faec6c44198c4a475817"
)
_START = (
    "cbbb9d5dc1059ed8629a292a367cd5079159015a3070dd17152fecd8f70e5939"
    "67332667ffc00b318eb44a8768581511db0c2e0d64f98fa747b5481dbefa4fa4"
)


def _limbs(digits):
    """Array of 16-bit limbs of big-endian hexadecimal words."""
    out = array("H")
    for word in range(0, len(digits), 16):
        for limb in (12, 8, 4, 0):
            out.append(int(digits[word + limb : word + limb + 4], 16))
    return out


# h: the state, v: the eight working words (a ring: a is word `base`), w: sixteen words of the
# message, k: the constants. Rotations by n: limbs move by n // 16, bits by n % 16.
_COMPRESS = """
def run(h: ptr16, v: ptr16, w: ptr16, k: ptr16):
    i = 0
    while i < 32:
        v[i] = h[i]
        i += 1
    base = 8
    t = 0
    while t < 80:
        n = (t & 15) << 2
        if t >= 16:
            x = ((t + 1) & 15) << 2
            y = ((t + 14) & 15) << 2
            z = ((t + 9) & 15) << 2
            sum = 0
            i = 0
            while i < 4:
                p = w[x + i]
                q = w[x + ((i + 1) & 3)]
                s = (p >> 1 | q << 15) ^ (p >> 8 | q << 8) ^ p >> 7
                if i < 3:
                    s ^= q << 9
                p = w[y + i]
                q = w[y + ((i + 1) & 3)]
                r = w[y + ((i + 2) & 3)]
                r = (q >> 3 | r << 13) ^ (w[y + ((i + 3) & 3)] >> 13 | p << 3) ^ p >> 6
                if i < 3:
                    r ^= q << 10
                sum += (s & 65535) + (r & 65535) + w[n + i] + w[z + i]
                w[n + i] = sum & 65535
                sum >>= 16
                i += 1
        a = (base & 7) << 2
        b = ((base + 1) & 7) << 2
        c = ((base + 2) & 7) << 2
        d = ((base + 3) & 7) << 2
        e = ((base + 4) & 7) << 2
        f = ((base + 5) & 7) << 2
        g = ((base + 6) & 7) << 2
        o = ((base + 7) & 7) << 2
        sum = 0
        up = 0
        new = 0
        i = 0
        while i < 4:
            p = v[e + i]
            q = v[e + ((i + 1) & 3)]
            r = v[e + ((i + 2) & 3)]
            s = (p >> 14 | q << 2) ^ (q >> 2 | r << 14) ^ (r >> 9 | v[e + ((i + 3) & 3)] << 7)
            q = v[g + i]
            sum += v[o + i] + (s & 65535) + (q ^ p & (v[f + i] ^ q)) + k[(t << 2) + i] + w[n + i]
            one = sum & 65535
            sum >>= 16
            up += v[d + i] + one
            v[d + i] = up & 65535
            up >>= 16
            p = v[a + i]
            q = v[a + ((i + 1) & 3)]
            r = v[a + ((i + 2) & 3)]
            s = v[a + ((i + 3) & 3)]
            s = (q >> 12 | r << 4) ^ (r >> 2 | s << 14) ^ (r >> 7 | s << 9)
            q = v[b + i]
            new += one + (s & 65535) + (p & q | v[c + i] & (p | q))
            v[o + i] = new & 65535
            new >>= 16
            i += 1
        base += 7
        t += 1
    i = 0
    while i < 32:
        n = 0
        a = i + 4
        while i < a:
            n += h[i] + v[i]
            h[i] = n & 65535
            n >>= 16
            i += 1
"""
# A block's byte pairs become limbs, counted from their word's other end.
_LOAD = """
def run(w: ptr16, block: ptr8):
    i = 0
    while i < 64:
        w[i] = block[2 * (i ^ 3)] << 8 | block[2 * (i ^ 3) + 1]
        i += 1
"""


def _made(source, is_native):
    """The source's function as machine code, or as Python where this MicroPython has no viper."""
    scope = {}
    if is_native:
        try:
            import micropython

            scope["micropython"] = micropython
            exec("@micropython.viper" + source, scope)
            return scope["run"]
        except (SyntaxError, AttributeError, ImportError):
            pass  # the WebAssembly build has no native code
    exec(source, scope)
    return scope["run"]


class Sha384:
    """Fed with update(); digest() ends it. start() begins anew with the same memory."""

    def __init__(self, is_native=True):
        self._compress = _made(_COMPRESS, is_native)
        self._load = _made(_LOAD, is_native)
        self._initial = _limbs(_START)
        self._k = _limbs(_K)
        self._h = array("H", self._initial)
        self._v = array("H", self._initial)
        self._w = array("H", (0 for _ in range(64)))
        self._block = bytearray(128)
        self.start()

    def start(self):
        for i in range(32):
            self._h[i] = self._initial[i]
        self._size = 0
        self._fill = 0

    def update(self, data):
        block = self._block
        data = memoryview(data)
        size = len(data)
        self._size += size
        at = 0
        while at < size:
            part = min(128 - self._fill, size - at)
            block[self._fill : self._fill + part] = data[at : at + part]
            at += part
            self._fill += part
            if self._fill == 128:
                self._load(self._w, block)
                self._compress(self._h, self._v, self._w, self._k)
                self._fill = 0

    def digest(self):
        bits = self._size * 8
        pad = bytearray(1 + (111 - self._fill) % 128)
        pad[0] = 0x80
        self.update(pad)
        self.update(bits.to_bytes(16, "big"))
        out = bytearray(48)
        for i in range(24):
            limb = self._h[(i >> 2 << 2) + 3 - (i & 3)]
            out[2 * i] = limb >> 8
            out[2 * i + 1] = limb & 255
        return out


class Hmac:
    """HMAC-SHA384 with one key; sign() takes the parts of the text."""

    def __init__(self, key, is_native=True):
        self._hash = Sha384(is_native)
        if len(key) > 128:
            self._hash.update(key)
            key = self._hash.digest()
        self._inner = bytearray(b"\x36" * 128)
        self._outer = bytearray(b"\x5c" * 128)
        for i, byte in enumerate(key):
            self._inner[i] ^= byte
            self._outer[i] ^= byte

    def sign(self, *parts):
        sha = self._hash
        sha.start()
        sha.update(self._inner)
        for part in parts:
            sha.update(part)
        inner = sha.digest()
        sha.start()
        sha.update(self._outer)
        sha.update(inner)
        return sha.digest()
