"""Is a server ready? Questions, on loopback unless told otherwise, that answer False instead of raising."""

import base64
import http.client
import socket

from stack.ports import LOOPBACK

_TIMEOUT_S = 2.0


def answers_http(
    port: int, path: str, credentials: tuple[str, str] | None = None, host: str = LOOPBACK
) -> bool:
    """Whether GET gives 200."""
    return http_status(port, path, credentials, host) == http.client.OK


def http_status(
    port: int, path: str, credentials: tuple[str, str] | None = None, host: str = LOOPBACK
) -> int | None:
    """The status of a GET, None when nobody answers; http.client knows nothing of proxies."""
    headers = {}
    if credentials is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(credentials).encode()).decode("ascii")
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def accepts_tcp(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody listens."""
    try:
        socket.create_connection((host, port), timeout=_TIMEOUT_S).close()
    except OSError:
        return False
    return True
