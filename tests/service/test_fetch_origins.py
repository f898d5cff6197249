"""Only FHIR servers that the clients file names are contacted, and only at network addresses that were checked."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpcore2
import pytest
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service import outbound
from mgcds.service.app import create_app
from mgcds.service.clients import Clients, read_clients
from mgcds.service.fetch import Fetcher
from mgcds.service.fhir_query import filled
from mgcds.service.lacking import Need, Plan
from mgcds.service.origins import Allowed, Reach, Server, allowed, allowed_for, base_of, is_reachable
from mgcds.settings import read_settings
from tests.service.ehr import Ehr, named
from tests.service.fault_server import Answer, FaultServer, Json

PATIENT = {"resourceType": "Patient", "id": "1"}
LISTED = "https://fhir.example.org/r4"


@pytest.fixture(autouse=True)
def check(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", ""))


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("https://fhir.example.org/r4/", LISTED),
        ("HTTPS://FHIR.Example.ORG:443/r4", LISTED),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("https://[::1]:8443/x/", "https://[::1]:8443/x"),
        ("https://fhir.example.org/R4", "https://fhir.example.org/R4"),
    ],
)
def test_an_address_has_one_normal_form(written: str, normal: str) -> None:
    assert base_of(written) == normal


@pytest.mark.parametrize(
    "written",
    ["", "fhir.example.org", "//fhir.example.org", "ftp://fhir.example.org", "https://", "https://a@fhir.example.org/r4",
     "https://fhir.example.org/r4?x", "https://fhir.example.org/r4#x", "https://fhir.example.org\\@evil", "https://evil\t.org",
     "https://fhir.example.org/r4/../x", "https://fhir.example.org/r4/%2e%2E/x", "https://fhir.example.org:0/",
     "https://fhir.example.org:65536", "https://fhir.éxample.org", "https://fhir.example.org/r4\n", " https://fhir.example.org",
     "https://fhir.example.org/" + "x" * 3000, "file:///etc/passwd", "https://[::1%25lo]/x"],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_no_address(written: str) -> None:
    assert base_of(written) is None


@named("fb.fhirServer")
@pytest.mark.parametrize(
    "asked",
    ["https://fhir.example.org", "https://fhir.example.org/r4x", "https://fhir.example.org/r4/other", "https://fhir.example.org/r",
     "http://fhir.example.org/r4", "https://fhir.example.org:8443/r4", "https://fhir.example.org.evil.org/r4",
     "https://evil.org/r4", "https://fhir.example.org./r4", "https://xfhir.example.org/r4", "http://127.0.0.1/r4"],
)  # fmt: skip
def test_a_server_that_is_not_listed_is_none(asked: str) -> None:
    assert allowed([LISTED], private=True).server(asked) is None


def test_a_listed_server_is_reached_as_its_client_may() -> None:
    assert allowed([LISTED], private=False).server(f"{LISTED}/") == Server(LISTED, Reach.PUBLIC)
    assert allowed([LISTED], private=True).server(LISTED) == Server(LISTED, Reach.PRIVATE)
    assert allowed([LISTED], private=True, is_local=True).server(LISTED) == Server(LISTED, Reach.PRIVATE)


def clients(folder: Path, *more: str) -> Clients:
    entries = [f"  - {{name: c{n}, issuer: 'https://i{n}.example.org', key_set: 'https://i{n}.example.org/k', {line}}}"
               for n, line in enumerate(more)]  # fmt: skip
    (folder / "clients.yaml").write_text("clients:\n" + "\n".join(entries), encoding="utf-8")
    return read_clients(folder / "clients.yaml")


def test_a_client_has_its_own_servers_and_nobody_in_particular_has_all(tmp_path: Path) -> None:
    file = clients(tmp_path, f"fhir_servers: ['{LISTED}/']",
                   "fhir_servers: ['https://two.example.org'], private_addresses: allowed")  # fmt: skip
    one, two = (file.of(f"https://i{n}.example.org") for n in (0, 1))
    assert allowed_for(one, file, is_local=False) == Allowed({LISTED: False})
    assert allowed_for(two, file, is_local=False) == Allowed({"https://two.example.org": True})
    assert allowed_for(None, file, is_local=False) == Allowed({LISTED: False, "https://two.example.org": True})


LOCAL = "http://127.0.0.1:9999/fhir"


@pytest.mark.parametrize(
    ("asked", "may"),
    [(LOCAL, True), ("http://localhost:1/x", True), ("http://[::1]:1/x", True), ("http://2130706433/x", False),
     ("http://0177.0.0.1/x", False), ("http://127.1/x", False), ("http://0.0.0.0/x", False), ("http://10.0.0.1/x", False),
     ("http://localhost.example.org/x", False), ("http://[::ffff:10.0.0.1]/x", False)],
)  # fmt: skip
def test_in_development_any_server_of_this_machine_will_do(asked: str, may: bool) -> None:
    server = allowed_for(None, Clients(), is_local=True).server(asked)
    assert (server is not None) == may
    assert server is None or server.reach is Reach.LOOPBACK
    assert allowed_for(None, Clients(), is_local=False).server(asked) is None
    assert allowed([LISTED], private=True, is_local=True).server(asked) is None


def test_a_listed_server_of_this_machine_needs_private_addresses_unless_the_service_is_there_too() -> None:
    assert allowed([LOCAL], private=False, is_local=True).server(LOCAL) == Server(LOCAL, Reach.LOOPBACK)
    assert allowed([LOCAL], private=False).server(LOCAL) == Server(LOCAL, Reach.PUBLIC)  # which its address is not
    assert allowed([LOCAL], private=True).server(LOCAL) == Server(LOCAL, Reach.PRIVATE)


PUBLIC = ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822", "2002:5db8:d822::1"]
PRIVATE = ["10.1.2.3", "172.16.0.1", "192.168.1.1", "fd00::1", "::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:a01:203::1"]
LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
NEVER = ["169.254.169.254", "fe80::1", "fe80::1%eth0", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "240.0.0.1", "255.255.255.255",
         "100.64.0.1", "192.0.2.1", "198.18.0.1", "2001:db8::1", "fec0::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
         "2001::1", "::127.0.0.1", "64:ff9b:1::1", "nonsense", "", "2130706433", "0177.0.0.1", "127.1"]  # fmt: skip


@pytest.mark.parametrize("address", [*PUBLIC, *PRIVATE, *LOOPBACK, *NEVER])
def test_which_network_addresses_are_connected_to(address: str) -> None:
    assert is_reachable(address, Reach.PUBLIC) == (address in PUBLIC)
    assert is_reachable(address, Reach.PRIVATE) == (address in PUBLIC + PRIVATE + LOOPBACK)
    assert is_reachable(address, Reach.LOOPBACK) == (address in LOOPBACK)


def patient(server: Server, addresses: Sequence[Sequence[str]], context: ssl.SSLContext | None = None) -> tuple[Any, int]:
    """What is had for a Patient when a name stands for these addresses, one list a look-up; and how many look-ups."""
    looked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        looked.append(host)
        return addresses[min(len(looked), len(addresses)) - 1]

    async def run() -> Json:
        fetcher = Fetcher(20_000, resolver=resolve, context=context)
        try:
            return await fetcher.fetch(Plan(server, (Need("patient", "patient", "Patient/1"),), {}, "token"))
        finally:
            await fetcher.aclose()

    return anyio.run(run)["patient"]["resourceType"], len(looked)


@pytest.fixture
def here() -> Iterator[FaultServer]:
    with FaultServer(lambda _: Answer(PATIENT)) as server:
        yield server


@named("fb.fhirServer")
@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_a_name_that_stands_for_this_machine_is_not_connected_to_unless_it_may(
    here: FaultServer, reach: Reach, address: str
) -> None:
    server = Server(f"http://fhir.example.org:{here.port}/fhir", reach)
    had, _ = patient(server, [[address]])
    assert had == ("OperationOutcome" if reach is Reach.PUBLIC else "Patient")
    assert here.connections == (0 if reach is Reach.PUBLIC else 1)


def test_one_bad_address_among_good_ones_spoils_the_name(here: FaultServer) -> None:
    server = Server(f"http://fhir.example.org:{here.port}/fhir", Reach.LOOPBACK)
    assert patient(server, [["127.0.0.1", "169.254.169.254"]]) == ("OperationOutcome", 1)
    assert patient(server, [[]]) == ("OperationOutcome", 1)
    assert here.connections == 0


def test_the_address_that_was_checked_is_the_one_connected_to(here: FaultServer) -> None:
    """DNS rebinding: the second look-up would give another address, so there is none."""
    server = Server(f"http://fhir.example.org:{here.port}/fhir", Reach.LOOPBACK)
    assert patient(server, [["127.0.0.1"], ["169.254.169.254"]]) == ("Patient", 1)
    assert here.asked[0].headers["host"] == f"fhir.example.org:{here.port}"


def test_an_address_that_does_not_answer_gives_way_to_the_next(here: FaultServer) -> None:
    server = Server(f"http://fhir.example.org:{here.port}/fhir", Reach.LOOPBACK)
    assert patient(server, [["127.0.0.2", "::1", "127.0.0.1"]]) == ("Patient", 1)


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl to make a certificate")
@pytest.mark.parametrize(("name", "had"), [("fhir.example.org", "Patient"), ("other.example.org", "OperationOutcome")])
def test_the_certificate_must_be_that_of_the_name_not_of_the_address(
    tmp_path: Path, name: str, had: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", "/CN=fhir.example.org", "-addext", "subjectAltName=DNS:fhir.example.org"],
        check=True, capture_output=True,
    )  # fmt: skip
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    trusting = partial(ssl.create_default_context, cafile=str(certificate))
    with FaultServer(lambda _: Answer(PATIENT), context=serving) as server:
        base = f"https://{name}:{server.port}/fhir"
        assert patient(Server(base, Reach.LOOPBACK), [["127.0.0.1"]], trusting()) == (had, 1)
        assert server.names == [name]
        assert patient(Server(base, Reach.LOOPBACK), [["127.0.0.1"]])[0] == "OperationOutcome"  # nobody vouches for it
        assert len(server.asked) == (1 if had == "Patient" else 0)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # how a site names its own authority
        assert patient(Server(base, Reach.LOOPBACK), [["127.0.0.1"]])[0] == had


@named("fb.fhirServer")
def test_a_server_that_is_not_listed_is_not_contacted(library: Library, tmp_path: Path) -> None:
    """Over HTTP, by a service that others can reach: what no client lists is as good as none, and is not named."""
    clients(tmp_path, f"fhir_servers: ['{LISTED}']")
    settings = read_settings(
        host="0.0.0.0", auth="off", clients=tmp_path / "clients.yaml", public_url="https://cds.example.org"
    )
    with TestClient(create_app(library, settings)) as http, FaultServer(lambda _: Answer(PATIENT)) as canary:
        ehr = Ehr(http, canary)
        for address in (canary.base, f"http://localhost:{canary.port}/fhir", f"http://2130706433:{canary.port}/fhir",
                        f"http://[::ffff:127.0.0.1]:{canary.port}/fhir", f"{LISTED}@127.0.0.1:{canary.port}/"):  # fmt: skip
            status, outcome = ehr.call(ehr.without() | {"fhirServer": address})
            assert (status, outcome["issue"][0]["code"]) == (412, "required")
            assert "127.0.0.1" not in str(outcome)
            status, answer = ehr.call(ehr.without("conditions") | {"fhirServer": address})
            assert status == 200
            assert str(canary.port) not in str(answer)
        assert canary.connections == 0


@named("fb.no-query-injection")
@pytest.mark.parametrize(
    ("value", "made"),
    [("a&b=c", "Patient?x=a%26b%3Dc&_count=1"), ("a/b?c#d", "Patient?x=a%2Fb%3Fc%23d&_count=1"), ("a b+%26", "Patient?x=a%20b%2B%2526&_count=1"),
     ("é,|", "Patient?x=%C3%A9%2C%7C&_count=1"), ("..", None), (".", None), ("", None), (5, None), ([], None), (None, None)],
)  # fmt: skip
def test_a_value_stays_a_value(value: Any, made: str | None) -> None:
    assert filled("Patient?x={{context.patientId}}&_count=1", {"patientId": value}) == made


def test_a_template_is_encoded_too() -> None:
    assert (
        filled("Observation?code=http://loinc.org|1,2&_sort=-date", {}) == "Observation?code=http://loinc.org%7C1,2&_sort=-date"
    )
    assert filled("Patient/{{ context.patientId }}", {}) is None


def test_a_connection_that_is_not_taken_up_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose queue is full drops the packet; the system would repeat it only after a second."""
    tries: list[tuple[str, float | None]] = []

    async def connect(_: Any, host: str, port: int, timeout: float | None, *more: Any) -> str:
        tries.append((host, timeout))
        if host == "127.0.0.2":
            raise httpcore2.ConnectError
        if timeout is not None:
            raise httpcore2.ConnectTimeout
        return "connected"

    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1", "127.0.0.2"]

    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect)
    assert anyio.run(outbound._Checked(Reach.LOOPBACK, resolve).connect_tcp, "fhir.example.org", 80) == "connected"
    first, second = outbound.ROUNDS
    assert tries == [("127.0.0.1", first), ("127.0.0.2", first), ("127.0.0.1", second), ("127.0.0.1", None)]
