"""Key sets: which keys count, where they may come from, and what happens when their address misbehaves."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import time
import warnings
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey, OctKey, RSAKey

from mgcds.language.library import Library
from mgcds.service import key_set_fetch
from mgcds.service.bearer import Cause, Rejected
from mgcds.service.clients import Client, read_clients
from mgcds.service.jwks import NoKeySet, read_key_set
from mgcds.service.key_set_fetch import LARGEST, NotFetched, fetch_key_set
from mgcds.service.key_sets import AHEAD, COLD_PAUSE, FRESH, PAUSE, STALE, KeySets
from mgcds.service.pinning import NoAddress, is_allowed, pinned
from tests.service.test_leaks import logged
from tests.service.test_tokens import REFUSAL, Door
from tests.service.tokens import EC, RSA, KeyServer, bearer, clients_file, key_server, key_set, part, reply, token

__all__ = ["logged"]
NEW = ECKey.generate_key("P-384", {"kid": "new"})
P256 = ECKey.generate_key("P-256", {"kid": "p256"})
P521 = ECKey.generate_key("P-521", {"kid": "p521"})


def small_rsa() -> RSAKey:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return RSAKey.generate_key(1024, {"kid": "small"})


def filled_up(entry: dict[str, Any]) -> dict[str, Any]:
    """A short modulus written as long as a good one, with zeros in front."""
    return entry | {"n": part(bytes(128) + urlsafe_b64decode(entry["n"] + "=="))}


# --- which keys of a set count


def test_keys_are_bound_to_their_type_and_curve() -> None:
    assert set(read_key_set(key_set(EC, RSA, P256, P521))) == {
        ("ec", "ES384"), ("rsa", "RS256"), ("rsa", "RS384"), ("p256", "ES256"),
    }  # fmt: skip


def test_a_key_that_names_its_algorithm_is_for_that_one() -> None:
    only = RSA.as_dict() | {"alg": "RS384"}
    assert set(read_key_set(json.dumps({"keys": [only, EC.as_dict() | {"alg": "ES256"}]}).encode())) == {("rsa", "RS384")}


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(lambda: EC.as_dict(private=True), id="private-EC"),
        pytest.param(lambda: RSA.as_dict(private=True), id="private-RSA"),
        pytest.param(lambda: EC.as_dict() | {"d": None}, id="private-part-null"),
        pytest.param(lambda: EC.as_dict() | {"use": "enc"}, id="use-enc"),
        pytest.param(lambda: EC.as_dict() | {"use": ["sig"]}, id="use-list"),
        pytest.param(lambda: EC.as_dict() | {"key_ops": ["encrypt"]}, id="key_ops-encrypt"),
        pytest.param(lambda: EC.as_dict() | {"key_ops": "verify"}, id="key_ops-text"),
        pytest.param(lambda: small_rsa().as_dict(private=False), id="RSA-1024"),
        pytest.param(lambda: filled_up(small_rsa().as_dict(private=False)), id="RSA-1024-filled-up"),
        pytest.param(lambda: RSA.as_dict() | {"n": "_" * 40_000}, id="RSA-enormous"),
        pytest.param(lambda: RSA.as_dict() | {"e": "AQ"}, id="RSA-exponent-1"),
        pytest.param(lambda: OctKey.generate_key(256, {"kid": "ec"}).as_dict(private=True), id="symmetric"),
        pytest.param(lambda: {key: value for key, value in EC.as_dict().items() if key != "kid"}, id="no-kid"),
        pytest.param(lambda: EC.as_dict() | {"kid": 7}, id="kid-number"),
        pytest.param(lambda: EC.as_dict() | {"y": EC.as_dict()["x"]}, id="point-off-the-curve"),
        pytest.param(lambda: EC.as_dict() | {"x": None}, id="coordinate-null"),
        pytest.param(lambda: EC.as_dict() | {"crv": "P-256"}, id="wrong-curve"),
        pytest.param(lambda: EC.as_dict() | {"crv": ["P-384"]}, id="curve-list"),
        pytest.param(lambda: EC.as_dict() | {"kty": "OKP"}, id="other-type"),
        pytest.param(lambda: "key", id="text"),
        pytest.param(lambda: None, id="null"),
    ],
)
def test_a_key_that_must_not_verify_is_left_out_and_the_others_stay(entry: Callable[[], Any]) -> None:
    data = json.dumps({"keys": [entry(), NEW.as_dict(private=False)]}).encode()
    assert set(read_key_set(data)) == {("new", "ES384")}


def test_two_different_keys_of_one_name_are_left_out_and_a_repeat_is_none() -> None:
    other = ECKey.generate_key("P-384", {"kid": "ec"})
    assert set(read_key_set(key_set(EC, other, NEW))) == {("new", "ES384")}
    assert set(read_key_set(key_set(EC, EC))) == {("ec", "ES384")}


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b"{}", b'{"keys": {}}', b'{"keys": null}', b'{"keys": [], "keys": []}',
                                  b'{"keys": NaN}', b"[" * 5000, "{}".encode("utf-16")])  # fmt: skip
def test_what_is_no_key_set_is_refused(data: bytes) -> None:
    with pytest.raises(NoKeySet):
        read_key_set(data)


# --- where a key set may be


@pytest.mark.parametrize(
    ("address", "allowed", "with_private", "for_this_machine"),
    [
        ("93.184.216.34", True, True, True),
        ("2606:2800:220:1::1", True, True, True),
        ("10.1.2.3", False, True, False),
        ("172.16.0.1", False, True, False),
        ("192.168.1.1", False, True, False),
        ("100.64.0.1", False, True, False),
        ("fd00::1", False, True, False),
        ("127.0.0.1", False, False, True),
        ("127.8.8.8", False, False, True),
        ("::1", False, False, True),
        ("::ffff:127.0.0.1", False, False, True),
        ("::ffff:10.0.0.1", False, True, False),
        ("::ffff:93.184.216.34", True, True, True),
        ("64:ff9b::7f00:1", False, False, True),
        ("64:ff9b::a00:1", False, True, False),
        ("2002:7f00:1::", False, False, True),
        ("169.254.169.254", False, False, False),
        ("::ffff:169.254.169.254", False, False, False),
        ("fe80::1", False, False, False),
        ("fe80::1%lo", False, False, False),
        ("0.0.0.0", False, False, False),
        ("0.1.2.3", False, False, False),
        ("::", False, False, False),
        ("224.0.0.1", False, False, False),
        ("ff02::1", False, False, False),
        ("240.0.0.1", False, False, False),
        ("255.255.255.255", False, False, False),
    ],
)
def test_addresses_inside_the_house_are_refused(
    address: str, allowed: bool, with_private: bool, for_this_machine: bool
) -> None:
    ip = ip_address(address)
    assert is_allowed(ip, private=False, local=False) == allowed
    assert is_allowed(ip, private=True, local=False) == with_private
    assert is_allowed(ip, private=False, local=True) == for_this_machine


def test_of_several_addresses_those_that_are_allowed_are_used() -> None:
    async def both(host: str, port: int) -> list[str]:
        return ["10.0.0.1", "93.184.216.34"]

    assert anyio.run(lambda: pinned("ehr.example.org", 443, private=False, resolve=both)) == ["93.184.216.34"]


@pytest.mark.parametrize("host", ["ehr.example.org", "localhost.example.org"])
def test_a_name_that_points_into_the_house_is_refused(host: str) -> None:
    async def inside(host: str, port: int) -> list[str]:
        return ["127.0.0.1", "169.254.169.254", "10.0.0.1"]

    with pytest.raises(NoAddress):
        anyio.run(lambda: pinned(host, 443, private=False, resolve=inside))


def test_the_name_is_asked_once_and_the_connection_goes_to_what_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: a second question would get another answer."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    with key_server() as served:
        address = served.address.replace("127.0.0.1", "localhost")
        assert anyio.run(lambda: fetch_key_set(address, private=False, resolve=rebinding)) == key_set(EC, RSA)
    assert next(answers) == ["10.0.0.1"]


def test_a_second_address_of_a_host_is_tried_when_the_first_is_dead() -> None:
    async def two(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    with key_server() as served:
        address = served.address.replace("127.0.0.1", "localhost")
        assert anyio.run(lambda: fetch_key_set(address, private=False, resolve=two)) == key_set(EC, RSA)


# --- fetching


@pytest.fixture
def served() -> Iterator[KeyServer]:
    with key_server() as server:
        yield server


def slow(request: BaseHTTPRequestHandler) -> None:
    time.sleep(5)


def dripping(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(50):
        request.wfile.write(b" ")
        time.sleep(0.1)


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b" " * 65_536)


def cut(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("content-length", "5000")
    request.end_headers()
    request.wfile.write(b'{"keys":')


BAD_ANSWERS: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {
    "slow": slow,
    "dripping": dripping,
    "huge": endless,
    "too-large-by-one": lambda request: reply(request, key_set(EC).ljust(LARGEST + 1)),
    "cut": cut,
    "error": lambda request: reply(request, key_set(EC), 500),
    "not-found": lambda request: reply(request, key_set(EC), 404),
    "no-content": lambda request: reply(request, b"", 204),
    "compressed": lambda request: reply(request, gzip.compress(key_set(EC)), content_encoding="gzip"),
    "closed": lambda request: request.connection.close(),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_an_address_that_misbehaves_is_given_up(served: KeyServer, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_set_fetch, "SECONDS", 0.5)
    served.answer = BAD_ANSWERS[name]
    with pytest.raises(NotFetched):
        anyio.run(lambda: fetch_key_set(served.address, private=False))
    assert len(served.asked) == 1


def test_an_answer_of_just_the_largest_size_is_taken(served: KeyServer) -> None:
    served.answer = lambda request: reply(request, key_set(EC).ljust(LARGEST))
    assert len(anyio.run(lambda: fetch_key_set(served.address, private=False))) == LARGEST


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(served: KeyServer, status: int) -> None:
    with key_server() as canary:
        served.answer = lambda request: reply(request, b"", status, location=canary.address)
        with pytest.raises(NotFetched, match="redirects"):
            anyio.run(lambda: fetch_key_set(served.address, private=False))
        assert canary.asked == []


def test_nobody_listening_and_no_such_name_are_given_up() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(NotFetched):
            anyio.run(lambda: fetch_key_set(f"http://127.0.0.1:{unused.getsockname()[1]}/jwks", private=False))
    with pytest.raises(NotFetched):
        anyio.run(lambda: fetch_key_set("https://nowhere.invalid/jwks", private=False))


def test_a_proxy_of_the_environment_is_not_used(served: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with key_server() as canary:
        monkeypatch.setenv("HTTP_PROXY", canary.origin)
        monkeypatch.setenv("http_proxy", canary.origin)
        assert anyio.run(lambda: fetch_key_set(served.address, private=False)) == key_set(EC, RSA)
        assert canary.asked == []


def certificate(folder: Path, name: str) -> Path:
    """A certificate for a host, signed by itself, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / f"{name}.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM))
    return file


@pytest.mark.parametrize(("name", "good"), [("ehr.example.org", True), ("attacker.example.org", False)])
def test_the_certificate_must_be_the_hosts_though_the_connection_goes_to_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, good: bool
) -> None:
    file = certificate(tmp_path, name)
    ours = ssl.create_default_context(cafile=str(file))
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(file)
    monkeypatch.setattr(key_set_fetch, "tls", lambda: ours)
    monkeypatch.setattr("mgcds.service.pinning.is_allowed", lambda *_, **__: True)

    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    with key_server(theirs) as served:
        address = served.address.replace("http://127.0.0.1", "https://ehr.example.org")
        if good:
            assert anyio.run(lambda: fetch_key_set(address, private=False, resolve=here)) == key_set(EC, RSA)
            assert served.hosts == [address.split("/")[2]]
        else:
            with pytest.raises(NotFetched):
                anyio.run(lambda: fetch_key_set(address, private=False, resolve=here))
            assert served.asked == []


# --- keeping


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """An address with a key set, in memory; `keys` None: it is down."""

    def __init__(self, *keys: Any) -> None:
        self.keys: tuple[Any, ...] | None = keys
        self.asked = 0
        self.private: bool | None = None
        self.seconds = 0.01

    async def __call__(self, address: str, *, private: bool) -> bytes:
        self.asked += 1
        self.private = private
        await anyio.sleep(self.seconds)
        if self.keys is None:
            raise NotFetched("it is down")
        return key_set(*self.keys)


@pytest.fixture
def a_client(tmp_path: Path) -> Client:
    return read_clients(clients_file(tmp_path, "https://ehr.example.org/jwks")).by_issuer["https://ehr.example.org"]


async def found(sets: KeySets, client: Client, kid: str = "ec") -> str:
    """Yes, or the cause why not."""
    try:
        await sets.key(client, kid, "ES384")
    except Rejected as rejected:
        return rejected.cause.value
    return "yes"


def test_a_set_is_kept_and_asked_for_again_after_a_while(a_client: Client) -> None:
    async def run() -> None:
        clock, source = Clock(), Source(EC)
        sets = KeySets(source, clock)
        for seconds, asked in ((0, 1), (1, 1), (AHEAD - 2, 1), (FRESH, 2), (1, 2)):
            clock.now += seconds
            assert await found(sets, a_client) == "yes"
            assert source.asked == asked

    anyio.run(run)


@pytest.mark.parametrize(("said", "private"), [({}, False), ({"private_addresses": "allowed"}, True)])
def test_a_key_set_inside_the_house_is_asked_for_only_where_the_clients_file_allows_it(
    tmp_path: Path, said: dict[str, str], private: bool
) -> None:
    client = read_clients(clients_file(tmp_path, "https://ehr.example.org/jwks", **said)).by_issuer["https://ehr.example.org"]
    source = Source(EC)
    assert anyio.run(found, KeySets(source), client) == "yes"
    assert source.private is private


def test_a_set_that_is_getting_old_is_asked_for_while_calls_go_on(a_client: Client) -> None:
    async def run() -> None:
        clock, source = Clock(), Source(EC)
        sets = KeySets(source, clock)
        assert await found(sets, a_client) == "yes"
        source.keys = (NEW,)
        clock.now += AHEAD
        for _ in range(10):  # none of them waits for the answer
            assert await found(sets, a_client) == "yes"
        await anyio.sleep(0.1)
        assert source.asked == 2
        assert await found(sets, a_client) == "key-unknown"
        assert await found(sets, a_client, "new") == "yes"
        assert source.asked == 2

    anyio.run(run)


def test_while_its_address_is_down_only_one_call_waits(a_client: Client) -> None:
    async def run() -> None:
        clock, source = Clock(), Source(EC)
        sets = KeySets(source, clock)
        assert await found(sets, a_client) == "yes"
        source.keys, source.seconds = None, 0.2
        waited = []
        clock.now += FRESH
        for _ in range(4):
            started = time.perf_counter()
            assert await found(sets, a_client) == "yes"
            waited.append(time.perf_counter() - started >= source.seconds)
            await anyio.sleep(2 * source.seconds)
            clock.now += PAUSE
        assert waited == [True, False, False, False]
        assert source.asked == 5

    anyio.run(run)


def test_a_stolen_key_is_not_taken_after_a_quiet_time(a_client: Client) -> None:
    """A set at hand is used while it is asked for, but not one that nobody has looked at for long."""

    async def run() -> None:
        clock, source = Clock(), Source(EC)
        sets = KeySets(source, clock)
        assert await found(sets, a_client) == "yes"
        source.keys = (NEW,)
        clock.now += FRESH
        assert await found(sets, a_client) == "key-unknown"

    anyio.run(run)


def test_rotation_a_new_key_is_found_when_it_is_asked_for_and_an_old_one_ends(a_client: Client) -> None:
    async def run() -> None:
        clock, source = Clock(), Source(EC)
        sets = KeySets(source, clock)
        assert await found(sets, a_client) == "yes"
        source.keys = (NEW,)
        clock.now += PAUSE
        assert await found(sets, a_client, "new") == "yes"
        assert await found(sets, a_client, "ec") == "key-unknown"
        assert source.asked == 2

    anyio.run(run)


def test_unknown_names_are_asked_for_seldom(a_client: Client) -> None:
    async def run() -> None:
        clock, source = Clock(), Source(EC)
        sets = KeySets(source, clock)
        for number in range(100):
            assert await found(sets, a_client, f"unknown-{number}") == "key-unknown"
            clock.now += 0.1
        assert source.asked == 1
        clock.now += PAUSE
        await found(sets, a_client, "unknown")
        assert source.asked == 2

    anyio.run(run)


def test_while_its_address_is_down_a_set_is_used_for_an_hour_and_no_longer(a_client: Client) -> None:
    async def run() -> None:
        clock, source = Clock(), Source(EC)
        sets = KeySets(source, clock)
        assert await found(sets, a_client) == "yes"
        source.keys = None
        clock.now += STALE - 1
        assert await found(sets, a_client) == "yes"
        assert source.asked == 2
        clock.now += 1
        assert await found(sets, a_client) == "keys-unavailable"
        source.keys = (EC,)
        clock.now += COLD_PAUSE
        assert await found(sets, a_client) == "yes"

    anyio.run(run)


def test_an_address_that_is_down_is_not_asked_by_every_call(a_client: Client) -> None:
    async def run() -> None:
        clock, source = Clock(), Source()
        source.keys = None
        sets = KeySets(source, clock)
        for _ in range(20):
            assert await found(sets, a_client) == "keys-unavailable"
            clock.now += COLD_PAUSE / 40
        assert source.asked == 1
        clock.now += COLD_PAUSE
        assert await found(sets, a_client) == "keys-unavailable"
        assert source.asked == 2

    anyio.run(run)


def test_many_at_once_ask_once(a_client: Client) -> None:
    async def run() -> None:
        clock, source = Clock(), Source(EC)
        sets = KeySets(source, clock)
        answers: list[str] = []

        async def ask() -> None:
            answers.append(await found(sets, a_client))

        for asked in (1, 2):
            async with anyio.create_task_group() as group:
                for _ in range(50):
                    group.start_soon(ask)
            assert source.asked == asked
            clock.now += FRESH
        assert answers == ["yes"] * 100

    anyio.run(run)


# --- through the application


@pytest.mark.parametrize("name", ["slow", "redirecting", "HTML", "huge", "error", "closed"])
def test_without_keys_a_caller_is_refused_like_any_other(
    library: Library, served: KeyServer, tmp_path: Path, name: str, logged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_set_fetch, "SECONDS", 0.5)
    more: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {
        "redirecting": lambda request: reply(request, b"", 302, location="http://127.0.0.1:1/"),
        "HTML": lambda request: reply(request, b"<!doctype html><title>Sign in</title>", content_type="text/html"),
    }
    served.answer = (BAD_ANSWERS | more)[name]
    door = Door(library, served, tmp_path)
    response = door.call(bearer(token(tenant="general")))
    assert (response.status_code, response.json(), door.causes) == (401, REFUSAL, [Cause.KEYS_UNAVAILABLE])
    assert "key set not fetched" in logged()


def test_keys_rotate_under_a_running_service(library: Library, served: KeyServer, tmp_path: Path) -> None:
    door, clock = Door(library, served, tmp_path), Clock()
    door.app.state.trust.keys = KeySets(clock=clock)
    with_new = {"tenant": "general", "key": NEW}
    assert door.call(bearer(token(tenant="general"))).status_code == 200
    served.answer = lambda request: reply(request, key_set(EC, NEW))
    assert door.call(bearer(token(**with_new))).status_code == 401
    clock.now += PAUSE
    assert door.call(bearer(token(**with_new))).status_code == 200
    served.answer = lambda request: reply(request, key_set(NEW))
    clock.now += FRESH
    assert door.call(bearer(token(**with_new))).status_code == 200
    assert door.call(bearer(token(tenant="general"))).status_code == 401
