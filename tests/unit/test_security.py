"""Who may do what at an address: the log tells it, and settings that do not fit are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from codeserver.config import Config
from codeserver.errors import OperatorError
from codeserver.exposure.listener import parse
from codeserver.front.access.security import Security

EVERYBODY = "whoever reaches this address can have code run here"


def security(folder: Path, *options: str) -> Security:
    """With these options of `server_options`."""
    given = {name: value for name, value in files(folder).items() if name in options}
    flags = {name: True for name in options if name not in given}
    return Security(Config.from_options({**given, **flags}))


def files(folder: Path) -> dict[str, str]:
    ca = trustme.CA()
    issued = ca.issue_cert("localhost")
    found = {name: str(folder / name) for name in ("tls_cert", "tls_key", "tls_client_ca")}
    issued.cert_chain_pems[0].write_to_path(found["tls_cert"])
    issued.private_key_pem.write_to_path(found["tls_key"])
    ca.cert_pem.write_to_path(found["tls_client_ca"])
    found["auth_token_file"] = str(folder / "tokens")
    Path(found["auth_token_file"]).write_text("ci 0123456789abcdef0123 operate")
    return found


TLS = ("tls_cert", "tls_key")


@pytest.mark.parametrize(
    ("listener", "options", "said"),
    [
        ("0.0.0.0:4000", (), f"{EVERYBODY}: start runs, shut the server down, have any class"),
        ("0.0.0.0:4000", TLS, EVERYBODY),
        ("0.0.0.0:4000", ("pin_instance",), f"{EVERYBODY}: start runs, shut the server down."),
        ("0.0.0.0:4000,role=evaluate", (), f"{EVERYBODY}: have any class"),
        ("0.0.0.0:4000,role=evaluate", ("pin_instance",), f"{EVERYBODY}. Let"),
        ("0.0.0.0:4000,role=read", (), "0.0.0.0:4000: at most the role read"),
        ("0.0.0.0:4000", ("read_only",), "0.0.0.0:4000: at most the role read"),
        ("[::]:4000", ("auth_token_file",), "[::]:4000: tokens, at most the role operate"),
        ("[::]:4000,open", ("auth_token_file",), EVERYBODY),
        (
            "code:4000",
            (*TLS, "auth_token_file"),
            "code:4000: TLS, tokens, at most the role",
        ),
        ("code:4000", (*TLS, "tls_client_ca"), "code:4000: TLS, certificates of clients, at most"),
        ("code:4000,plain", (*TLS, "tls_client_ca"), EVERYBODY),
        ("127.0.0.1:4000", (), ""),
        ("[::1]:4000", (), ""),
        ("localhost:4000", (), ""),
        ("unix:/run/code.sock", (), ""),
    ],
)
def test_the_log_tells_who_may_do_what(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    listener: str,
    options: tuple[str, ...],
    said: str,
) -> None:
    with caplog.at_level("INFO", "codeserver"):
        security(tmp_path, *options).tell(parse(listener))
    assert said in caplog.text if said else not caplog.text
    assert (EVERYBODY in caplog.text) is said.startswith(EVERYBODY)


@pytest.mark.parametrize(
    ("listener", "options", "said"),
    [
        ("localhost:0", ("tls_cert",), "--tls-cert and --tls-key belong together; give both."),
        ("localhost:0", ("tls_client_ca",), "--tls-client-ca needs --tls-cert and --tls-key."),
        ("localhost:0,tls", (), "--listen localhost:0 has TLS; give --tls-cert and --tls-key."),
        ("localhost:0,tokens", (), "asks for tokens; give --auth-token-file."),
        ("localhost:0,gateway", (), "asks for tokens; give --auth-token-file."),
    ],
)
def test_settings_that_do_not_fit(
    tmp_path: Path, listener: str, options: tuple[str, ...], said: str
) -> None:
    def serve() -> None:
        found = security(tmp_path, *options)
        found.rule_of(parse(listener))
        found.credentials_of(parse(listener))

    with pytest.raises(OperatorError) as raised:
        serve()
    assert said in str(raised.value)


def _key_of_another(given: dict[str, Path]) -> None:
    trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(str(given["tls_key"]))


def _key_with_a_passphrase(given: dict[str, Path]) -> None:
    key = load_pem_private_key(given["tls_key"].read_bytes(), None)
    secret = BestAvailableEncryption(b"passphrase")
    written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)
    given["tls_key"].write_bytes(written)


BREAKS: dict[str, tuple[Callable[[dict[str, Path]], object], str]] = {
    "key of another certificate": (
        _key_of_another,
        "the key does not belong to the certificate.",
    ),
    "key with a passphrase": (_key_with_a_passphrase, "the key has a passphrase."),
    "empty certificate": (lambda of: of["tls_cert"].write_text(""), "the certificate is not PEM."),
    "key that is none": (lambda of: of["tls_key"].write_bytes(b"\0" * 99), "the key is not PEM."),
    "no certificate": (lambda of: of["tls_cert"].unlink(), "cannot be read: No such file"),
    "CA that is none": (
        lambda of: of["tls_client_ca"].write_text("nothing"),
        "has no certificate in PEM.",
    ),
    "no token file": (lambda of: of["auth_token_file"].unlink(), "cannot be read: No such file"),
    "empty token file": (
        lambda of: of["auth_token_file"].write_text("# nothing\n"),
        "has no token; write lines `NAME TOKEN [ROLE]`.",
    ),
    "token file in another encoding": (
        lambda of: of["auth_token_file"].write_bytes(b"\xff\xfe"),
        "cannot be read: it is not UTF-8.",
    ),
    "token without a name": (
        lambda of: of["auth_token_file"].write_text("0123456789abcdef0123\n"),
        "tokens, line 1: write `NAME TOKEN [ROLE]`; there are 1 words.",
    ),
    "short token": (
        lambda of: of["auth_token_file"].write_text("\nci 0123\n"),
        "tokens, line 2: the token of ci has fewer than 16 characters",
    ),
    "role that is none": (
        lambda of: of["auth_token_file"].write_text("ci 0123456789abcdef0123 admin"),
        "admin is no role; take one of read, evaluate, operate.",
    ),
    "the same token twice": (
        lambda of: of["auth_token_file"].write_text(
            "ci 0123456789abcdef0123\nother 0123456789abcdef0123"
        ),
        "tokens, line 2: a name or a token is there twice.",
    ),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_files_that_cannot_be_used(tmp_path: Path, fault: str) -> None:
    """One line says which file, and why."""
    given = files(tmp_path)
    broken, said = BREAKS[fault]
    broken({name: Path(path) for name, path in given.items()})
    with pytest.raises(OperatorError) as raised:
        Security(Config.from_options(given))
    assert said in str(raised.value)
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)
