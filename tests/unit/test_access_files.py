"""The files of tokens, certificates and keys: who may read them, and files that are none."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from codeserver.cli.options import identity
from codeserver.client.identity import Identity
from codeserver.errors import OperatorError
from codeserver.front.access import tls, tokens
from codeserver.front.access.roles import Role

TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def issued() -> trustme.LeafCert:
    return trustme.CA().issue_cert("localhost")


@pytest.fixture
def paths(tmp_path: Path, issued: trustme.LeafCert) -> dict[str, Path]:
    """A certificate, its key and a file of tokens, which only this user may read."""
    names = ("certificate", "key", "tokens")
    found = {name: tmp_path / name for name in names}
    for path in found.values():
        path.touch(0o600)
    issued.cert_chain_pems[0].write_to_path(str(found["certificate"]))
    issued.private_key_pem.write_to_path(str(found["key"]))
    found["tokens"].write_text(f"ci {TOKEN} read\n")
    return found


def read(paths: dict[str, Path], ca: str | None = None) -> tokens.Tokens:
    tls.Certificate(tls.Files(str(paths["certificate"]), str(paths["key"]), ca))
    return tokens.Tokens(str(paths["tokens"]))


@pytest.mark.parametrize("mode", [0o600, 0o440, 0o660, 0o444, 0o604, 0o602])
@pytest.mark.parametrize("name", ["key", "tokens"])
def test_a_secret_for_everybody(
    paths: dict[str, Path], name: str, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    paths["certificate"].chmod(0o644)
    paths[name].chmod(mode)
    caplog.set_level(logging.INFO, logger="codeserver")
    assert read(paths).caller(TOKEN)
    said = [each for each in caplog.messages if "every user of this machine" in each]
    assert len(said) == len(caplog.messages) == bool(mode & 0o006)
    assert all(each.startswith(str(paths[name])) for each in said)


def fifo(path: Path) -> None:
    os.mkfifo(path)


BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a pipe": (fifo, "cannot be read: it is not a regular file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "it is not a regular file"),
    "too long": (lambda path: path.write_bytes(bytes(11 << 20)), "it is longer than 1"),
    "not there": (lambda path: None, "cannot be read: No such file"),
}


@pytest.mark.parametrize("name", ["certificate", "key", "tokens", "ca"])
@pytest.mark.parametrize("what", BAD)
def test_files_of_a_server_that_cannot_be_used(
    paths: dict[str, Path], tmp_path: Path, name: str, what: str
) -> None:
    make, reason = BAD[what]
    path = paths.get(name, tmp_path / name)
    path.unlink(missing_ok=True)
    make(path)
    with pytest.raises(OperatorError, match=f"{path}.*{reason}"):
        read(paths, str(path) if name == "ca" else None)


def test_a_role_is_not_cut_off(paths: dict[str, Path]) -> None:
    """A token without its role may do everything."""
    line = f"ci {TOKEN} "
    for longest in (1_000_000, 1 << 20):
        comment = "#" * (longest - len(line) - 1)
        paths["tokens"].write_text(f"{comment}\n{line}read\n")
        if longest < 1 << 20:
            caller = read(paths).caller(TOKEN)
            assert caller is not None
            assert caller.role is Role.READ
        else:
            with pytest.raises(OperatorError, match="it is longer than 1 MiB"):
                read(paths)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system has no files in memory")
def test_no_copy_of_a_key_on_disk(
    paths: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a server with a root file system that nobody can write has TLS, too."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    assert read(paths).caller(TOKEN)


def test_copies_of_a_key_without_files_in_memory(
    paths: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = os.listdir(tmp_path)
    assert read(paths).caller(TOKEN)
    assert os.listdir(tmp_path) == before


def test_files_of_a_client(tmp_path: Path) -> None:
    """It reads each once, so a pipe such as that of `<(...)` will do."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    assert identity.taken_from({"token_file": str(token)}) == Identity(TOKEN)
    reading, writing = os.pipe()
    os.write(writing, TOKEN.encode())
    os.close(writing)
    assert identity.taken_from({"token_file": f"/dev/fd/{reading}"}) == Identity(TOKEN)
    os.close(reading)


@pytest.mark.parametrize("what", ["a pipe", "a device", "too long"])
def test_files_of_a_client_that_cannot_be_used(tmp_path: Path, what: str) -> None:
    BAD[what][0](tmp_path / "file")
    path = str(tmp_path / "file")
    with pytest.raises(OperatorError, match=r"longer than 1 MiB|must have one token"):
        identity.taken_from({"token_file": path})
    if what != "a pipe":
        with pytest.raises(OperatorError, match="longer than 10 MiB"):
            Identity(ca=path).channel(grpc, "tls://a:1", "a:1", ())
