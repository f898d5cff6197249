"""The clients file: what it may say, and every mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgcds.service.clients import ClientsError, read_clients
from tests.conftest import ROOT

GOOD = ["name: general-hospital", "issuer: https://ehr.example.org", "key_set: https://ehr.example.org/jwks"]


def written(folder: Path, *lines: str) -> Path:
    file = folder / "clients.yaml"
    file.write_text("clients:\n  - " + "\n    ".join(lines) + "\n", encoding="utf-8")
    return file


def test_the_example_can_be_used() -> None:
    clients = read_clients(ROOT / "deploy/clients-example.yaml")
    assert [client.name for client in clients.by_issuer.values()] == ["general-hospital", "county-clinics", "house-ehr"]
    least = clients.of("https://ehr.example.org")
    assert least is not None
    assert (least.algorithms, least.tenants, least.private_addresses) == (("ES384", "RS384"), (), "refused")
    assert clients.of("https://ehr.example.org/") is None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("name: General Hospital", "2:11: name: write it with small letters, digits and hyphens, at most 40, like general-hospital"),
        (f"name: {'a' * 41}", "2:11: name: write it with small letters"),
        ("issuer: [https://ehr.example.org]", "3:"),
        ("key_set: http://ehr.example.org/jwks", "4:14: key_set: without TLS"),
        ("key_set: https://user@ehr.example.org/jwks", "4:14: key_set: this is no address"),
        ("key_set: file:///etc/passwd", "4:14: key_set: this is no address"),
        ("key_set: https://ehr.example.org/jwks#a", "4:14: key_set: this is no address"),
        ("algorithms: [HS256]", "5:18: algorithms: 'HS256' is not one of"),
        ("algorithms: [none]", "5:18: algorithms: 'none' is not one of"),
        ("algorithms: []", "algorithms: the list is empty"),
        ("tenants: []", "tenants: a list belongs here"),  # whoever means none must not get any
        ("tenants: general", "5:14: tenants: a list belongs here"),
        ("private_addresses: yes", "5:24: private_addresses: 'yes' is not one of"),
        ("tenant: [general]", "5:5: 'tenant' is not a word this block knows; did you mean 'tenants'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, line: str, says: str) -> None:
    word = line.split(":")[0]
    lines = [line if good.split(":")[0] == word else good for good in GOOD]
    file = written(tmp_path, *(lines if line in lines else [*GOOD, line]))
    with pytest.raises(ClientsError) as caught:
        read_clients(file)
    assert str(caught.value).startswith(f"{file}:")
    assert says in str(caught.value)


def test_every_problem_is_told_at_once_and_no_issuer_twice(tmp_path: Path) -> None:
    file = written(tmp_path, *GOOD)
    file.write_text(file.read_text() + "  - " + "\n    ".join(["name: other", *GOOD[1:]]) + "\n  - name: third\n")
    with pytest.raises(ClientsError) as caught:
        read_clients(file)
    assert [problem.place.line for problem in caught.value.problems] == [5, 8, 8]


def test_no_two_clients_have_one_name_in_logs_and_metrics(tmp_path: Path) -> None:
    file = written(tmp_path, *GOOD)
    file.write_text(file.read_text() + "  - " + "\n    ".join([GOOD[0], "issuer: https://two.example.org", GOOD[2]]) + "\n")
    with pytest.raises(ClientsError, match="listed twice"):
        read_clients(file)


@pytest.mark.parametrize(
    "text", ["", "clients:", "clients: []", "- name: x", "clients: {name: x}", "clients: [\n", "a: &b 1\n"]
)
def test_what_is_no_clients_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(text)
    with pytest.raises(ClientsError):
        read_clients(file)
    with pytest.raises(ClientsError, match="cannot be read"):
        read_clients(tmp_path / "nowhere.yaml")
