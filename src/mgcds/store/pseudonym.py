"""Pseudonyms of patients: a keyed hash that only this site can make again."""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from pathlib import Path

from mgcds.store.failures import StoreError

FILE = "pseudonym.key"
_BYTES = 32


def pseudonym(key: bytes, issuer: str, patient_id: str) -> str:
    """The same for the same patient of the same issuer, and nobody without the key can tell whose: 64 hexadecimal digits."""
    return hmac.digest(key, f"{issuer}\n{patient_id}".encode(), "sha256").hex()


def masked(key: bytes, text: str) -> str:
    """A sign for a text of a chart: the same for the same text, and nobody without the key can tell which: # and 16 digits."""
    return "#" + hmac.digest(key, f"text\n{text}".encode(), "sha256").hex()[:16]


def fingerprint(key: bytes) -> str:
    """By which a key is known again without being known: 16 hexadecimal digits."""
    return hmac.digest(key, b"fingerprint", "sha256").hex()[:16]


def site_key(given: str | None, data_dir: Path | None, *, make: bool = True) -> bytes:
    """The key that is given, else the one in the data folder, which is made once; without a folder one for this process.

    `make` False: a key that is not there is an error, because with a new one nobody would be found. Raises StoreError.
    """
    if given:
        return given.encode()
    if not make and (data_dir is None or not (data_dir / FILE).exists()):
        raise StoreError("there is no key: set MGCDS_PSEUDONYM_KEY or MGCDS_DATA_DIR as the service has them")
    if data_dir is None:
        return secrets.token_bytes(_BYTES)
    file = data_dir / FILE
    try:
        if not file.exists():
            _make(file)
        key = file.read_bytes().strip()
    except OSError as error:
        raise StoreError(f"the key {FILE} cannot be read or made ({error.strerror})") from None
    if len(key) < _BYTES:
        raise StoreError(f"the key {FILE} is damaged; put it back, or delete it and what was remembered is forgotten")
    return key


def _make(file: Path) -> None:
    """Whole or not at all, and the first of several workers wins."""
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{FILE}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as writing:
            writing.write(secrets.token_hex(_BYTES).encode())
            writing.flush()
            os.fsync(writing.fileno())
        os.link(temporary, file)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)
