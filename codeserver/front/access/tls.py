"""TLS of listeners: certificate and key from files, which are read again when they change."""

from __future__ import annotations

import contextlib
import logging
import os
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from codeserver.contents import read_regular
from codeserver.errors import OperatorError
from codeserver.front.access.secret_files import read_secret
from codeserver.marks import Mark, mark

_log = logging.getLogger("codeserver")

_LONGEST_FILE = 10 << 20


@dataclass(frozen=True)
class Files:
    """The files of a listener with TLS.

    Attributes:
        certificate: PEM; the server's own first, then those between it and the CA.
        key: PEM, without a passphrase.
        client_ca: PEM; clients then need a certificate that it has signed.
    """

    certificate: str
    key: str
    client_ca: str | None = None

    @property
    def marks(self) -> Mapping[str, Mark | None]:
        """The files with their marks."""
        paths = filter(None, (self.certificate, self.key, self.client_ca))
        return {path: mark(path) for path in paths}


class Certificate:
    """The certificate in files, of which each new connection sees the newest version that fits.

    Raises:
        OperatorError: the files cannot be used.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._marks = files.marks
        self._newest = _configuration(files)
        self._turn = threading.Lock()  # gRPC asks from threads of its own

    def credentials(self) -> grpc.ServerCredentials:
        """The credentials of a gRPC server."""
        used = self._newest

        def fetch() -> Any:  # the stubs do not know that it may be None, for no change
            nonlocal used
            before, used = used, self._look()
            return None if used is before else used

        return grpc.dynamic_ssl_server_credentials(used, fetch, self._files.client_ca is not None)

    def _look(self) -> grpc.ServerCertificateConfiguration:
        with self._turn:
            now = self._files.marks
            if now != self._marks:
                self._marks = now
                try:
                    self._newest = _configuration(self._files)
                except OperatorError as error:
                    _log.error("%s The certificate stays as it is.", error)
                else:
                    _log.info("%s: a new certificate is served", self._files.certificate)
            return self._newest


def _configuration(files: Files) -> grpc.ServerCertificateConfiguration:
    certificate, key = _pem(files.certificate), _pem(files.key, read_secret)
    ca = None if files.client_ca is None else _pem(files.client_ca)
    _check(files, certificate, key, ca)
    return grpc.ssl_server_certificate_configuration([(key, certificate)], ca)


def _check(files: Files, certificate: bytes, key: bytes, ca: bytes | None) -> None:
    """Check what gRPC would only tell by refusing every connection.

    The contents are checked and not the files, which may change at this moment.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with _as_file(certificate) as certificate_path, _as_file(key) as key_path:
        try:
            context.load_cert_chain(certificate_path, key_path, password=lambda: "")
        except (ssl.SSLError, OSError, ValueError) as error:
            raise OperatorError(
                f"Certificate {files.certificate} and key {files.key} cannot be used: "
                f"{_in_words(certificate, key, error)}."
            ) from None
    if ca is not None:
        try:
            context.load_verify_locations(cadata=ca.decode("ascii", "replace"))
        except (ssl.SSLError, ValueError):
            raise OperatorError(f"CA {files.client_ca} has no certificate in PEM.") from None


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A path of a file with this content, which only this user can read.

    It is in memory where that is possible: so no copy of a key stays behind if this process is
    killed, and no directory has to be writable.
    """
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        with open(os.memfd_create("codeserver-tls"), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.NamedTemporaryFile(prefix="codeserver-tls-") as file:  # mode 0600
        file.write(content)
        file.flush()
        yield file.name


def _in_words(certificate: bytes, key: bytes, error: Exception) -> str:
    """Why they cannot be used; OpenSSL's own reasons say little, and differ between versions."""
    if b"-----BEGIN CERTIFICATE-----" not in certificate:
        return "the certificate is not PEM"
    if b"PRIVATE KEY-----" not in key:
        return "the key is not PEM"
    if b"ENCRYPTED" in key:
        return "the key has a passphrase"
    reason = getattr(error, "reason", None) or str(error)
    if reason == "KEY_VALUES_MISMATCH":
        return "the key does not belong to the certificate"
    return reason.lower().replace("_", " ")


def _pem(path: str, read: Callable[[str, int], bytes] = read_regular) -> bytes:
    try:
        return read(path, _LONGEST_FILE)
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from None
