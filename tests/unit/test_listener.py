"""Addresses to listen on, with words after them, as operators write them."""

from __future__ import annotations

import pytest

from codeserver.config import Config
from codeserver.errors import OperatorError
from codeserver.exposure.listener import Listener, parse
from codeserver.values import Refused


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:4000", Listener("localhost", 4000)),
        (":4000", Listener("0.0.0.0", 4000)),
        ("[::1]:0", Listener("[::1]", 0)),
        ("code.example:65535 , tls", Listener("code.example", 65535, tls=True)),
        ("h:1,plain,open", Listener("h", 1, tls=False, tokens=False)),
        ("h:1,tokens,role=read", Listener("h", 1, tokens=True, role="read")),
        ("h:1,gateway", Listener("h", 1, tokens=True, is_gateway=True)),
        ("unix:/run/s", Listener(path="/run/s")),
        ("unix:///run/s,mode=660", Listener(path="/run/s", mode=0o660)),
        ("unix:s,owner=:dagster", Listener(path="s", owner=":dagster")),
        ("unix:s,tokens", Listener(path="s", tokens=True)),
    ],
)
def test_what_is_meant(text: str, expected: Listener) -> None:
    assert parse(text) == expected


ADDRESS = "must begin with HOST:PORT or unix:PATH"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ADDRESS),
        ("localhost", ADDRESS),
        ("localhost:99999", ADDRESS),
        ("::1:4000", ADDRESS),
        ("unix:", ADDRESS),
        (
            "h:1,",
            "has the word ''; the words are tls, plain, tokens, open, gateway, role=...",
        ),
        ("h:1,tsl", "has the word 'tsl'"),
        ("h:1,tls=yes", "has the word 'tls=yes'"),
        ("h:1,role", "has the word 'role'"),
        ("h:1,role=admin", "has no role 'admin'; the roles are read, evaluate, operate."),
        ("unix:/s,mode=rw", "must have a mode such as 660; it has 'rw'."),
        ("unix:/s,mode=7777", "must have a mode such as 660"),
        ("h:1,mode=660", "has a mode or an owner, and only a unix socket can have one."),
        ("h:1,owner=root", "has a mode or an owner, and only a unix socket can have one."),
        ("unix:/s,owner=:", "must have an owner such as USER:GROUP; it has ':'."),
        ("unix:/s,tls", "is a unix socket, which has neither TLS nor a gateway."),
        ("h:1,gateway,open", "is a gateway, which always asks for a token."),
    ],
)
def test_what_is_none(text: str, said: str) -> None:
    with pytest.raises(Refused) as raised:
        parse(text)
    assert said in str(raised.value)


def test_errors_name_the_option() -> None:
    with pytest.raises(OperatorError, match=r"--listen has the word 'x'"):
        Config.from_options({"listen": ["h:1,x"]})
