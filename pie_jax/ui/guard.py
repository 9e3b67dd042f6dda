"""Who may talk to the server: pages of its own address, and off this machine who has the
token.

A page of another site could talk to a local server (its WebSocket knows no origin
policy; a name that is rebound to 127.0.0.1 knows none at all). So the `Host` must be
what the server is bound to, and an `Origin`, where there is one, the same.
"""

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "pie_token"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """ASGI middleware that refuses strangers."""

    def __init__(self, app: App, token: str | None, port: int, most: int):
        """Guards an application.

        Args:
            app: what is guarded.
            token: that pages must know; without one only this machine's may come.
            port: of the server; a browser keeps the cookies of all of them together.
            most: bytes of what may be sent at once.
        """
        self._app, self._token, self._most = app, token, most
        self._cookie = f"{COOKIE}_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on, or answers 403."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {
            k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]
        }
        if not self._welcome(scope, headers):
            await _refuse(scope, receive, send)
            return
        await self._app(scope, receive, self._remembering(scope, send))

    def _welcome(self, scope: Scope, headers: dict[str, str]) -> bool:
        if scope.get("method") == "POST" and not self._short(headers):
            return False
        host, origin = headers.get("host", ""), headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return False
        if self._token is None:
            return _name(host) in LOOPBACK
        return self._known(_asked(scope)) or self._known(_kept(headers, self._cookie))

    def _short(self, headers: dict[str, str]) -> bool:
        """Whether what is sent says how long it is, and is not too long."""
        length = headers.get("content-length", "")
        return length.isdecimal() and int(length) <= self._most

    def _known(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), (self._token or "").encode())

    def _remembering(self, scope: Scope, send: Send) -> Send:
        """Sends the token's cookie along with the page that was opened by it."""
        if self._token is None or not self._known(_asked(scope)):
            return send
        cookie = f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                added = (b"set-cookie", cookie.encode())
                message = {**message, "headers": [*message.get("headers", []), added]}
            await send(message)

        return sending


def _name(host: str) -> str:
    """Without the port."""
    return urlsplit(f"//{host}").hostname or ""


def _asked(scope: Scope) -> str:
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return query.get("token", [""])[0]


def _kept(headers: dict[str, str], name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    text = b"This page may not be opened so: take the address that `pie ui` printed.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": text})
