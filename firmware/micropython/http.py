# HTTP/1.1 on one connection that is kept: requests in one packet, answers of any length in
# bounded memory, a deadline on every wait and on the whole. A step machine: each yield means
# "nothing ready", or lets the readings in between two pieces of a long answer.
import errno
import gc
import select
import socket
import time

# Room in front of the body for the request's head: the token's line alone has up to 1,500 bytes.
HEAD = 2048
# What is kept of an answer: a token answer has 1,400 bytes; error bodies (12 KB) are cut.
KEEP = 3072
_LINE = 256
# Answers beyond this are nobody's: 200 refusals with their stack traces have 800 KB.
_MOST = 1 << 20
# A slow drip keeps each wait short; so many answer timeouts is the whole exchange worth.
_EXCHANGE = 3

# What request() returns when there is no status.
NOT_SENT = 0
UNCLEAR = -1

# EINPROGRESS: 115 on Linux, 119 on the chip (recorded).
_IN_PROGRESS = (115, 119)
# What stands still during a TLS handshake on the chip's one core, if it has no thread.
_HANDSHAKE_MS = 1500
_RADIO = (errno.ETIMEDOUT, errno.ECONNRESET)


class _Broken(Exception):
    """The exchange ended early; the reason is a word for the log."""


class Http:
    def __init__(self, url, mode, body_size, connect_s, answer_s, certificate="/ca.der"):
        self.scheme, self.host, self.port, self.prefix = split(url)
        self._mode = mode
        self._certificate = certificate
        self._connect_ms = connect_s * 1000
        self._answer_ms = answer_s * 1000
        self._sock = None
        self._raw = None
        self._info = None
        self._poll = select.poll()
        self.out = bytearray(HEAD + body_size)
        self._out = memoryview(self.out)
        self.kept = bytearray(KEEP)
        self.size = 0
        self.is_html = False
        self.error = ""
        self._in = bytearray(512)
        self._at = self._end = 0
        self._line = bytearray(_LINE)
        self._close_after = False
        self._sink = None
        self._sent = 0
        self._got = 0
        self._began = 0
        self.connects = 0
        # Waits for a good moment before something that blocks; None: any moment is good.
        self.calm = None

    def tls(self):
        if self.scheme != "https":
            return "off"
        return self._mode

    def close(self):
        for sock in (self._sock, self._raw):
            if sock:
                try:
                    sock.close()
                except OSError:
                    pass  # it is gone, which is what was wanted
        self._sock = self._raw = None
        self._at = self._end = 0

    def request(self, method, path, headers, body_size=0, sink=None):
        """Sends out[HEAD:HEAD+body_size]; returns the status, NOT_SENT or UNCLEAR (see error).

        headers: lines, each with CR LF. The answer's body goes to sink(buf, start, end), or its
        beginning to kept[:size].
        """
        self.size = 0
        self.error = ""
        self._sent = 0
        self._sink = sink
        self._got = 0
        try:
            if self._sock and self._is_stale():
                self.close()
            if not self._sock:
                yield from self._connect()
            self._began = time.ticks_ms()
            head = "%s %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n" % (
                method,
                self.prefix + path,
                self.host if self.port in (80, 443) else "%s:%d" % (self.host, self.port),
                headers,
                body_size,
            )
            head = head.encode()
            if len(head) > HEAD:
                raise _Broken("head too long")
            start = HEAD - len(head)
            self.out[start:HEAD] = head
            yield from self._send(start, HEAD + body_size)
            status = yield from self._answer()
            if self._close_after:
                self.close()
            return status
        except _Broken as broken:
            self.error = str(broken)
        except (OSError, ValueError, MemoryError) as error:
            self.error = "error " + _reason(error)
        self.close()
        return UNCLEAR if self._sent else NOT_SENT

    def _is_stale(self):
        try:
            got = self._sock.readinto(self._in)
        except OSError as error:
            return error.errno != errno.EAGAIN
        return got is not None  # the end, or bytes that nobody asked for

    def _connect(self):
        self.connects += 1
        # Asking for the address waits in the socket, so it is kept while it is good.
        info, self._info = self._info, None
        if not info:
            info = socket.getaddrinfo(self.host, self.port, 0, socket.SOCK_STREAM)[0]
        raw = socket.socket(info[0], socket.SOCK_STREAM)
        self._raw = raw
        raw.setblocking(False)
        try:
            raw.connect(info[-1])
        except OSError as error:
            if error.errno not in _IN_PROGRESS:
                raise
            yield from self._await_connect(raw)
        if self.scheme == "https":
            if self.calm:
                yield from self.calm(_HANDSHAKE_MS)
            self._sock = self._secured(raw)
        else:
            self._sock = raw
        self._info = info
        self._at = self._end = 0

    def _await_connect(self, raw):
        began = time.ticks_ms()
        self._poll.register(raw, select.POLLOUT)
        try:
            while True:
                for event in self._poll.poll(0):
                    if event[1] & (select.POLLERR | select.POLLHUP):
                        raise _Broken("refused")
                    if event[1] & select.POLLOUT:
                        return
                if time.ticks_diff(time.ticks_ms(), began) > self._connect_ms:
                    raise _Broken("connect timeout")
                yield True
        finally:
            self._poll.unregister(raw)

    def _secured(self, raw):
        try:
            return self._wrap(raw)
        except (OSError, ValueError) as error:
            # The radio's fault ends soon; whatever else goes wrong in here is about trust.
            if error.args and error.args[0] in _RADIO:
                raise
            raise _Broken("tls " + _reason(error))

    def _wrap(self, raw):
        import ssl

        gc.collect()  # the handshake takes 40 KB beside this heap
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self._mode == "verified":
            # Without the certificate there is nothing to verify against: refuse, never fall back.
            with open(self._certificate, "rb") as file:
                context.load_verify_locations(cadata=file.read())
            context.verify_mode = ssl.CERT_REQUIRED
        else:
            context.verify_mode = ssl.CERT_NONE
        # The handshake waits in the socket, so the connection is kept.
        raw.settimeout(self._connect_ms // 1000)
        sock = context.wrap_socket(raw, server_hostname=self.host)
        raw.setblocking(False)
        return sock

    def _send(self, start, end):
        began = time.ticks_ms()
        while start < end:
            try:
                count = self._sock.write(self._out[start:end])
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
                count = None
            if count:
                self._sent += count
                start += count
                began = time.ticks_ms()
                self._hurry(self._began, _EXCHANGE)
                continue
            self._hurry(began, 1)
            yield True

    def _fill(self):
        """Waits for bytes. Nothing else may be left in the buffer."""
        began = time.ticks_ms()
        while True:
            yield True
            try:
                count = self._sock.readinto(self._in)
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
                count = None
            if count:
                self._at = 0
                self._end = count
                self._got += count
                if self._got > _MOST:
                    raise _Broken("endless answer")
                self._hurry(self._began, _EXCHANGE)
                return
            if count == 0:
                raise _Broken("closed")
            self._hurry(began, 1)

    def _hurry(self, began, waits):
        """Ends what began so many answer timeouts ago."""
        if time.ticks_diff(time.ticks_ms(), began) > waits * self._answer_ms:
            raise _Broken("timeout")

    def _read_line(self):
        """The next line as text, cut at 256 bytes."""
        line = self._line
        size = 0
        total = 0
        while True:
            if self._at == self._end:
                yield from self._fill()
            byte = self._in[self._at]
            self._at += 1
            if byte == 10:
                break
            total += 1
            if total > 16384:
                raise _Broken("endless line")
            if size < _LINE and byte != 13:
                # Beyond ASCII the chip's str() would raise: names and numbers are all we want.
                line[size] = byte if byte < 128 else 63
                size += 1
        return str(memoryview(line)[:size], "ascii")

    def _take(self, left):
        """Passes `left` bytes on, or all up to the end of the connection when it is None."""
        while left is None or left > 0:
            if self._at == self._end:
                try:
                    yield from self._fill()
                except _Broken as broken:
                    if left is None and str(broken) == "closed":
                        return
                    raise
            end = self._end if left is None else min(self._end, self._at + left)
            self._give(self._at, end)
            if left is not None:
                left -= end - self._at
            self._at = end

    def _give(self, start, end):
        if self._sink:
            self._sink(self._in, start, end)
        while start < end and self.size < KEEP:
            self.kept[self.size] = self._in[start]
            self.size += 1
            start += 1

    def _answer(self):
        while True:
            line = yield from self._read_line()
            if not line.startswith("HTTP/1."):
                raise _Broken("not http")
            try:
                status = int(line[9:12])
            except ValueError:
                raise _Broken("not http")
            length = None
            is_chunked = False
            self.is_html = False
            self._close_after = line[7] == "0"
            for _ in range(100):
                line = yield from self._read_line()
                if not line:
                    break
                name, _, value = line.partition(":")
                name = name.lower()
                value = value.strip().lower()
                if name == "content-length":
                    try:
                        length = int(value)
                    except ValueError:
                        raise _Broken("bad length")
                elif name == "transfer-encoding":
                    is_chunked = value == "chunked"
                elif name == "connection":
                    self._close_after = value == "close"
                elif name == "content-type":
                    self.is_html = value.startswith("text/html")
            else:
                raise _Broken("endless head")
            if status >= 200:
                break
        if status in (204, 304):
            length = 0
        if is_chunked:
            yield from self._chunks()
        else:
            if length is None:
                self._close_after = True
            yield from self._take(length)
        return status

    def _chunks(self):
        while True:
            line = yield from self._read_line()
            try:
                size = int(line.split(";")[0].strip(), 16)
            except ValueError:
                raise _Broken("bad chunk")
            if size == 0:
                while (yield from self._read_line()):
                    pass  # trailers
                return
            yield from self._take(size)
            yield from self._read_line()

    def text(self):
        """The beginning of the answer's body, as ASCII."""
        for i in range(self.size):
            if self.kept[i] >= 128:
                self.kept[i] = 63
        return str(memoryview(self.kept)[: self.size], "ascii")


def _reason(error):
    """What an error says last: the chip's TLS uses words, others a number."""
    return str(error.args[-1]).strip() if error.args else "unknown"


def split(url):
    """(scheme, host, port, path without the last slash) of a URL."""
    scheme, _, rest = url.partition("://")
    if not rest:
        scheme, rest = "http", scheme
    host, slash, path = rest.partition("/")
    host, _, port = host.partition(":")
    path = (slash + path).rstrip("/")
    return scheme, host, int(port) if port else 443 if scheme == "https" else 80, path


def quote(text):
    """Percent-encodes what is not unreserved (RFC 3986): form fields and path segments."""
    out = ""
    for byte in text.encode():
        if 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122 or byte in b"-._~":
            out += chr(byte)
        else:
            out += "%%%02X" % byte
    return out
