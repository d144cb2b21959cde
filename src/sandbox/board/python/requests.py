import socket


class Response:
    def __init__(self, sock):
        self.raw = sock
        self.encoding = "utf-8"
        self._cached = None

    def close(self):
        if self.raw:
            self.raw.close()
            self.raw = None
        self._cached = None

    @property
    def content(self):
        if self._cached is None:
            try:
                self._cached = self.raw.read()
            finally:
                self.raw.close()
                self.raw = None
        return self._cached

    @property
    def text(self):
        return str(self.content, self.encoding)

    def json(self):
        import json

        return json.loads(self.content)


def _split(url):
    try:
        scheme, _, host, path = url.split("/", 3)
    except ValueError:
        scheme, _, host = url.split("/", 2)
        path = ""
    port = 80
    if scheme == "https:":
        port = 443
    elif scheme != "http:":
        raise ValueError("Unsupported protocol: " + scheme)
    if ":" in host:
        host, port = host.split(":", 1)
        port = int(port)
    return scheme, host, port, path


def request(
    method,
    url,
    data=None,
    json=None,
    headers=None,
    stream=None,
    auth=None,
    timeout=None,
    parse_headers=True,
):
    headers = {} if headers is None else dict(headers)
    scheme, host, port, path = _split(url)
    if auth is not None:
        import binascii

        token = binascii.b2a_base64("{}:{}".format(*auth).encode())[:-1].decode()
        headers["Authorization"] = "Basic " + token
    address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    s = socket.socket(address[0], socket.SOCK_STREAM, address[2])
    if timeout is not None:
        s.settimeout(timeout)
    found = {} if parse_headers is True else None
    try:
        s.connect(address[-1])
        if scheme == "https:":
            import tls

            context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
            context.verify_mode = tls.CERT_NONE
            s = context.wrap_socket(s, server_hostname=host)
        lines = ["%s /%s HTTP/1.0" % (method, path)]
        if "Host" not in headers:
            lines.append("Host: " + host)
        if json is not None:
            import json as codec

            data = codec.dumps(json)
            headers.setdefault("Content-Type", "application/json")
        for key in headers:
            lines.append("%s: %s" % (key, headers[key]))
        if data is not None:
            if isinstance(data, str):
                data = data.encode()
            lines.append("Content-Length: %d" % len(data))
        lines.append("Connection: close")
        s.write("\r\n".join(lines) + "\r\n\r\n")
        if data:
            s.write(data)
        status = s.readline().split(None, 2)
        if len(status) < 2:
            raise ValueError("HTTP error: BadStatusLine:\n%s" % status)
        code = int(status[1])
        reason = status[2].rstrip() if len(status) > 2 else ""
        location = None
        while True:
            line = s.readline()
            if not line or line == b"\r\n":
                break
            if line.startswith(b"Transfer-Encoding:") and b"chunked" in line:
                raise ValueError("Unsupported " + line.decode())
            if line.startswith(b"Location:") and code in (301, 302, 303, 307, 308):
                location = line.decode()[9:].strip()
            if found is not None:
                key, value = line.decode().split(":", 1)
                found[key] = value.strip()
    except OSError:
        s.close()
        raise
    if location is not None:
        s.close()
        method = "GET" if code == 303 else method
        return request(method, location, data, json, headers, stream)
    response = Response(s)
    response.status_code = code
    response.reason = reason
    if found is not None:
        response.headers = found
    return response


def head(url, **kw):
    return request("HEAD", url, **kw)


def get(url, **kw):
    return request("GET", url, **kw)


def post(url, **kw):
    return request("POST", url, **kw)


def put(url, **kw):
    return request("PUT", url, **kw)


def patch(url, **kw):
    return request("PATCH", url, **kw)


def delete(url, **kw):
    return request("DELETE", url, **kw)
