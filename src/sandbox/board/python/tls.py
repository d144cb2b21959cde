import _wx as wx
import binascii
from _board import call, taken
from socket import socket as _socket

PROTOCOL_TLS_CLIENT = 0
PROTOCOL_TLS_SERVER = 1
CERT_NONE = 0
CERT_OPTIONAL = 1
CERT_REQUIRED = 2
MBEDTLS_VERSION = "mbed TLS 3.4.1"

_ETIMEDOUT = 116


class SSLSocket(_socket):
    def __repr__(self):
        return "<SSLSocket>"

    def cipher(self):
        return ("TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384", "TLSv1.2")

    def getpeercert(self, binary_form=False):
        if not binary_form:
            raise NotImplementedError
        return taken(call("socket_certificate", self._id)[1])


class SSLContext:
    def __init__(self, protocol):
        self.verify_mode = CERT_REQUIRED if protocol == PROTOCOL_TLS_CLIENT else CERT_NONE
        self._ca = []

    def load_verify_locations(self, cadata):
        if isinstance(cadata, str):
            cadata = cadata.encode()
        if not call("certificate", data=cadata)[0]:
            raise ValueError("invalid cert")
        self._ca = [binascii.b2a_base64(cadata).decode()]

    def load_cert_chain(self, cert, key):
        pass

    def get_ciphers(self):
        return ["TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"]

    def wrap_socket(
        self, sock, server_side=False, do_handshake_on_connect=True, server_hostname=None
    ):
        trust = None
        if self.verify_mode == CERT_REQUIRED:
            if server_hostname is None:
                raise ValueError("CERT_REQUIRED requires server_hostname")
            if not self._ca:
                raise OSError(-30336, "MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED")
            now = (wx.rtc_seconds() + 946684800) * 1000
            trust = {"ca": self._ca, "host": server_hostname, "now": now}
        id = sock._id
        call("socket_secure", id, server_hostname, trust)
        end = None if not sock._timeout else wx.ticks_ms() + sock._timeout
        while True:
            state = call("socket_state", id)[0]["tls"]
            if not state["isBusy"]:
                break
            left = 60000 if end is None else end - wx.ticks_ms()
            if left <= 0:
                raise OSError(_ETIMEDOUT)
            if wx.wait(left):
                raise KeyboardInterrupt
        error = state.get("error")
        if isinstance(error, list):
            raise OSError(*error)
        if error:
            raise ValueError(error)
        secure = SSLSocket(_id=id)
        secure._timeout = sock._timeout
        return secure
