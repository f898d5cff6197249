"""Pseudonyms: the same for the same patient, of no use without the key."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from mgcds.store import StoreError, site_key
from mgcds.store.pseudonym import FILE, pseudonym

KEY = b"k" * 32


def test_a_pseudonym_depends_on_key_issuer_and_patient() -> None:
    made = pseudonym(KEY, "issuer", "patient")
    assert made == pseudonym(KEY, "issuer", "patient")
    others = {pseudonym(b"x" * 32, "issuer", "patient"), pseudonym(KEY, "other", "patient"), pseudonym(KEY, "issuer", "other")}
    assert len(others - {made}) == 3
    assert len(made) == 64


def test_the_key_is_made_once_for_this_user_only(tmp_path: Path) -> None:
    key = site_key(None, tmp_path)
    assert len(key) >= 32
    assert site_key(None, tmp_path) == key
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_workers_that_start_at_once_use_one_key(tmp_path: Path) -> None:
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(site_key(None, tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_key_that_is_given_wins_and_none_is_written(tmp_path: Path) -> None:
    assert site_key("a key from the vault", tmp_path) == b"a key from the vault"
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_every_process_has_its_own() -> None:
    assert site_key(None, None) != site_key(None, None)


def test_a_damaged_key_is_refused_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("short")
    with pytest.raises(StoreError, match="damaged"):
        site_key(None, tmp_path)
    assert (tmp_path / FILE).read_text() == "short"


@pytest.mark.parametrize("inside", [True, False])
def test_whoever_looks_for_a_patient_in_the_wrong_folder_is_told_and_no_key_is_made(tmp_path: Path, inside: bool) -> None:
    with pytest.raises(StoreError, match="there is no key"):
        site_key(None, tmp_path if inside else None, make=False)
    assert list(tmp_path.iterdir()) == []
    key = site_key(None, tmp_path)
    assert site_key(None, tmp_path, make=False) == key
