import asyncio

import pytest

from pie_jax.ui.guard import COOKIE, Guard

TOKEN = "a-token-of-24-characters"


def ask(token=None, *, path="", kind="http", method="GET", **headers):
    """What a guarded application answers; status and headers, or None of a socket."""
    seen, sent = [], []

    async def app(scope, receive, send):
        seen.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    names = {k.replace("_", "-").encode(): v.encode() for k, v in headers.items()}
    scope = {
        "type": kind,
        "headers": list(names.items()),
        "query_string": path.encode(),
    }
    if kind == "http":
        scope["method"] = method
    asyncio.run(Guard(app, token, port=8000, most=100)(scope, receive, send))
    return bool(seen), sent


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("headers", "welcome"),
    [
        ({"host": "127.0.0.1:8000"}, True),
        ({"host": "localhost:8000", "origin": "http://localhost:8000"}, True),
        ({"host": "[::1]:8000"}, True),
        ({"host": "evil.example"}, False),  # a name that was rebound
        ({"host": "localhost:8000", "origin": "http://evil.example"}, False),
        ({"host": "localhost:8000", "origin": "http://localhost:9"}, False),
        ({"host": "localhost:8000", "origin": "null"}, False),
        ({}, False),
    ],
)
def test_only_pages_of_this_machine_s_own_server_may_talk_to_it(kind, headers, welcome):
    passed, sent = ask(kind=kind, **headers)
    assert passed == welcome
    if not welcome:
        refused = {"http": "http.response.start", "websocket": "websocket.close"}
        assert sent[0]["type"] == refused[kind]
        assert sent[0].get("status", 403) == 403


def test_beyond_this_machine_the_token_is_asked_for_and_kept_in_a_cookie():
    host = {"host": "192.0.2.1:8000"}
    assert not ask(TOKEN, **host)[0]
    assert not ask(TOKEN, path="token=other", **host)[0]
    assert not ask(TOKEN, cookie=f"{COOKIE}_8000=other", **host)[0]
    assert not ask(TOKEN, host="127.0.0.1:8000")[0]
    passed, sent = ask(TOKEN, path=f"token={TOKEN}", **host)
    name, cookie = sent[0]["headers"][0]
    assert passed and name == b"set-cookie"
    assert b"HttpOnly" in cookie and b"SameSite=Strict" in cookie
    kept = {"cookie": cookie.decode().partition(";")[0]}
    for kind in ("http", "websocket"):
        assert ask(TOKEN, kind=kind, **host, **kept)[0]
        stranger = {"origin": "http://evil.example", **kept}
        assert not ask(TOKEN, kind=kind, **host, **stranger)[0]
    assert not ask(TOKEN, cookie="\x00=;;", **host)[0]


@pytest.mark.parametrize(
    ("length", "welcome"), [("100", True), ("101", False), ("", False)]
)
def test_what_is_sent_says_how_long_it_is_and_is_not_too_long(length, welcome):
    sent = {"host": "localhost", "content_length": length}
    assert ask(method="POST", **sent)[0] == welcome


def test_what_is_no_request_passes():
    assert ask(kind="lifespan")[0]
