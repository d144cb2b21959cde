# The module that the chip's firmware has frozen in: names, texts and order of what happens are its,
# since programs and people look at them.
import binascii
import hashlib
from micropython import const
import network
import os
import socket
import sys
import websocket
import _webrepl

__version__ = "0.1.0"
DEBUG = 0
listen_s = None
client_s = None
static_host = "https://micropython.org/webrepl/"

_ON_DATA = const(20)


def server_handshake(cl):
    """Whether the request asks for a WebSocket, header names as they are usually written; if so, it is answered."""
    cl.readline()
    fields = {}
    while True:
        line = cl.readline()
        if not line:
            return False
        if line == b"\r\n":
            break
        name, value = line.split(b":", 1)
        fields[name.strip()] = value.strip()
    key = fields.get(b"Sec-WebSocket-Key")
    wants = b"Upgrade" in fields.get(b"Connection", b"") and fields.get(b"Upgrade") == b"websocket"
    if not (key and wants):
        return False
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    cl.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    cl.send(b"Sec-WebSocket-Accept: " + binascii.b2a_base64(digest)[:-1] + b"\r\n\r\n")
    return True


def send_html(cl):
    page = '<base href="%s"></base>\r\n<script src="webrepl_content.js"></script>\r\n' % static_host
    cl.send("HTTP/1.0 200 OK\r\n\r\n" + page)
    cl.close()


def setup_conn(port, accept_handler):
    global listen_s
    listen_s = socket.socket()
    listen_s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listen_s.bind(socket.getaddrinfo("0.0.0.0", port)[0][4])
    listen_s.listen(1)
    if accept_handler:
        listen_s.setsockopt(socket.SOL_SOCKET, _ON_DATA, accept_handler)
    for one in (network.WLAN(network.AP_IF), network.WLAN(network.STA_IF)):
        if one.active():
            print("WebREPL server started on http://%s:%d/" % (one.ifconfig()[0], port))
    return listen_s


def accept_conn(listen_sock):
    global client_s
    cl, remote_addr = listen_sock.accept()
    if not server_handshake(cl):
        send_html(cl)
        return False
    there = os.dupterm(None)
    os.dupterm(there)
    if there:
        print("\nConcurrent WebREPL connection from", remote_addr, "rejected")
        cl.close()
        return False
    print("\nWebREPL connection from:", remote_addr)
    client_s = cl
    ws = _webrepl._webrepl(websocket.websocket(cl, True))
    cl.setblocking(False)
    cl.setsockopt(socket.SOL_SOCKET, _ON_DATA, os.dupterm_notify)
    os.dupterm(ws)
    return True


def stop():
    os.dupterm(None)
    for one in (client_s, listen_s):
        if one:
            one.close()


def start(port=8266, password=None, accept_handler=accept_conn):
    global static_host
    stop()
    secret = password
    if secret is None:
        try:
            import webrepl_cfg

            secret = webrepl_cfg.PASS
            static_host = getattr(webrepl_cfg, "BASE", static_host)
        except Exception:  # whatever is wrong with that file, the chip says this
            print("WebREPL is not configured, run 'import webrepl_setup'")
    _webrepl.password(secret)
    listening = setup_conn(port, accept_handler)
    if accept_handler is None:
        print("Starting webrepl in foreground mode")
        while not accept_conn(listening):
            pass
    elif password is None:
        print("Started webrepl in normal mode")
    else:
        print("Started webrepl in manual override mode")


def start_foreground(port=8266, password=None):
    start(port, password, None)
