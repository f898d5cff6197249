"""Tokens at the door: what opens it, and every way of being refused (rows J1 to J8, S1 to S4)."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, RSAKey
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.service.bearer import Cause
from mgcds.settings import read_settings
from mgcds.store import StoreError
from tests.service.conftest import FIXTURES, TODAY
from tests.service.test_leaks import logged
from tests.service.tokens import (
    EC,
    ISSUER,
    PUBLIC,
    RSA,
    SERVICE,
    KeyServer,
    bearer,
    claims,
    clients_file,
    header,
    key_server,
    part,
    signed,
    token,
)  # fmt: skip

__all__ = ["logged"]
REQUEST = json.loads((FIXTURES / "requests" / "02-severely-low-mmol.json").read_text(encoding="utf-8"))
REFUSAL = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "login", "diagnostics": "The caller is not authenticated."}],
}
P256 = ECKey.generate_key("P-256", {"kid": "p256"})
STRANGER = ECKey.generate_key("P-384", {"kid": "ec"})


class Door:
    """The service behind authentication, and the server of the one client's keys."""

    def __init__(
        self, library: Library, keys: KeyServer, folder: Any, *, tenants: str = "[general, children]", **given: Any
    ) -> None:
        file = clients_file(folder, keys.address, **({"tenants": tenants} if tenants else {}))
        settings = read_settings(**{"today": TODAY, "public_url": PUBLIC, "root_path": "/inside", "clients": file} | given)
        self.app = create_app(library, settings)
        self.http = TestClient(self.app, raise_server_exceptions=False)
        self.keys = keys
        self.causes: list[str] = []
        self.app.state.trust.count = self.causes.append

    def call(self, headers: Any, path: str = SERVICE, body: Any = None) -> Any:
        if path == "/cds-services":
            return self.http.get(path, headers=headers)
        return self.http.post(path, json=REQUEST if body is None else body, headers=headers)


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyServer]:
    with key_server() as served:
        yield served


@pytest.fixture(scope="module")
def door(library: Library, keys: KeyServer, tmp_path_factory: pytest.TempPathFactory) -> Door:
    return Door(library, keys, tmp_path_factory.mktemp("door"))


@pytest.fixture(autouse=True)
def _forget(door: Door) -> None:
    door.causes.clear()


GOOD: dict[str, Callable[[], str]] = {
    "jwt.valid-ES384": lambda: token(tenant="general"),
    "jwt.valid-RS384": lambda: token(tenant="general", key=RSA, algorithm="RS384"),
    "jwt.aud-array": lambda: token(tenant="general", aud=["https://other.example.org", PUBLIC + SERVICE]),
    "jwt.jku-registered": lambda: token(tenant="general", head={"jku": "REGISTERED"}),
    "jwt.typ-small": lambda: token(tenant="general", head={"typ": "jwt"}),
    "jwt.nbf-five-minutes-ago": lambda: token(tenant="general", nbf=int(time.time()) - 300),
    "jwt.clock-half-a-minute-ahead": lambda: token(
        tenant="general", iat=time.time() + 30, nbf=time.time() + 30, exp=time.time() + 330.5
    ),
    "jwt.expired-half-a-minute-ago": lambda: token(tenant="general", iat=time.time() - 330, exp=time.time() - 30),
    "jwt.whole-hour": lambda: token(tenant="children", iat=int(time.time()), exp=int(time.time()) + 3600),
    "jwt.unknown-header-and-claim": lambda: token(tenant="general", sub="x", head={"x5t": "abc", "vendor": 1}),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_token_in_order_opens_the_door(door: Door, name: str) -> None:
    made = GOOD[name]()
    if name == "jwt.jku-registered":
        made = token(tenant="general", head={"jku": door.keys.address})
    response = door.call(bearer(made))
    assert response.status_code == 200, door.causes
    assert response.json()["cards"]
    assert door.causes == []


@pytest.mark.parametrize("tenant", [{}, {"tenant": "anything"}], ids=["none", "any"])
def test_a_client_that_lists_no_tenants_is_not_shut_out(
    library: Library, keys: KeyServer, tmp_path: Any, tenant: dict[str, str]
) -> None:
    door = Door(library, keys, tmp_path, tenants="")
    assert door.call(bearer(token(**tenant))).status_code == 200
    assert door.causes == []


@pytest.mark.parametrize("path", ["/cds-services", SERVICE, f"{SERVICE}/feedback"],
                         ids=["jwt.discovery-aud", "jwt.call-aud", "jwt.feedback-aud"])  # fmt: skip
def test_every_address_takes_tokens_made_out_to_itself_and_no_other(door: Door, path: str) -> None:
    body = {"feedback": [{"card": str(uuid4()), "outcome": "overridden", "outcomeTimestamp": "2026-06-15T08:30:00Z"}]}
    sent = body if path.endswith("feedback") else None
    assert door.call(bearer(token(path=path, tenant="general")), path, sent).status_code == 200
    for other in {"/cds-services", SERVICE, f"{SERVICE}/feedback", "/cds-services/mgcds-order-sign"} - {path}:
        response = door.call(bearer(token(path=other, tenant="general")), path, sent)
        assert (response.status_code, response.json()) == (401, REFUSAL)
    assert set(door.causes) == {"audience"}
    assert door.call({}, path, sent).status_code == 401


def hs256(secret: bytes) -> str:
    message = f"{part(header(alg='HS256'))}.{part(claims(tenant='general'))}"
    return f"{message}.{part(hmac.new(secret, message.encode(), sha256).digest())}"


def pem(key: ECKey | RSAKey) -> bytes:
    return key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def one(made: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {made}")]


def changed(**changes: Any) -> list[tuple[str, str]]:
    return one(token(**{"tenant": "general"} | changes))


def raw_claims(text: str) -> list[tuple[str, str]]:
    """Claims with a piece of JSON text put in, as no serializer would write it."""
    made = json.dumps(claims(tenant="general"))
    return one(signed(header(), f"{made[:-1]}, {text}}}".encode(), EC, "ES384"))


def without(claim: str, text: str) -> list[tuple[str, str]]:
    made = json.dumps(claims(**{"tenant": "general", claim: None}))
    return one(signed(header(), f'{made[:-1]}, "{claim}": {text}}}'.encode(), EC, "ES384"))


def flipped(made: str, segment: int) -> str:
    parts = made.split(".")
    parts[segment] = parts[segment][:10] + ("A" if parts[segment][10] != "A" else "B") + parts[segment][11:]
    return ".".join(parts)


def swapped() -> str:
    """The claims of one token with the signature of another."""
    first, second = token(tenant="general"), token(tenant="general")
    return ".".join([*first.split(".")[:2], second.split(".")[2]])


HOUR, YEARS = 3600, 10 * 365 * 24 * 3600
Headers = list[tuple[str, str]]
ATTACKS: dict[str, tuple[Cause, Callable[[], Headers]]] = {
    # no token, or none that can be read
    "jwt.absent": (Cause.ABSENT, list),
    "jwt.basic": (Cause.MALFORMED, lambda: [("authorization", "Basic dXNlcjpwYXNz")]),
    "jwt.bearer-without-token": (Cause.MALFORMED, lambda: [("authorization", "Bearer")]),
    "jwt.no-scheme": (Cause.MALFORMED, lambda: [("authorization", token(tenant="general"))]),
    "jwt.not-a-jwt": (Cause.MALFORMED, lambda: one("secret")),
    "jwt.two-parts": (Cause.MALFORMED, lambda: one("a.b")),
    "jwt.five-parts": (Cause.MALFORMED, lambda: one("a.b.c.d.e")),
    "jwt.no-base64": (Cause.MALFORMED, lambda: one("a.a.a")),
    "jwt.header-is-list": (Cause.MALFORMED, lambda: one(signed([], claims(), EC, "ES384"))),
    "jwt.claims-are-text": (Cause.MALFORMED, lambda: one(signed(header(), "claims", EC, "ES384"))),
    "jwt.deep": (Cause.MALFORMED, lambda: one(signed(header(), b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", EC, "ES384"))),
    "jwt.two-headers": (Cause.SEVERAL, lambda: [*changed(), *changed()]),
    "jwt.two-in-one-header": (Cause.MALFORMED, lambda: [("authorization", f"Bearer {token()}, Bearer {token()}")]),
    "jwt.huge": (Cause.TOO_LONG, lambda: changed(padding="x" * 10_000)),
    "jwt.duplicate-header-key": (
        Cause.MALFORMED,
        lambda: one(signed(b'{"alg":"none",' + json.dumps(header()).encode()[1:], claims(tenant="general"), EC, "ES384")),
    ),
    "jwt.duplicate-claim": (Cause.MALFORMED, lambda: raw_claims(f'"iss": "{ISSUER}"')),
    # header
    "jwt.no-alg": (Cause.HEADER, lambda: changed(head={"alg": None})),
    "jwt.no-kid": (Cause.HEADER, lambda: changed(head={"kid": None})),
    "jwt.empty-kid": (Cause.HEADER, lambda: changed(head={"kid": ""})),
    "jwt.kid-is-number": (Cause.HEADER, lambda: changed(head={"kid": 1})),
    "jwt.long-kid": (Cause.HEADER, lambda: changed(head={"kid": "k" * 300})),
    "jwt.no-typ": (Cause.HEADER, lambda: changed(head={"typ": None})),
    "jwt.other-typ": (Cause.HEADER, lambda: changed(head={"typ": "at+jwt"})),
    "jwt.embedded-jwk": (Cause.HEADER, lambda: changed(key=STRANGER, head={"jwk": STRANGER.as_dict(private=False)})),
    "jwt.x5u": (Cause.HEADER, lambda: changed(head={"x5u": "https://attacker.example.org/cert"})),
    "jwt.x5c": (Cause.HEADER, lambda: changed(head={"x5c": ["MIIB"]})),
    "jwt.crit": (Cause.HEADER, lambda: changed(head={"crit": ["exp"]})),
    "jwt.unencoded-payload": (Cause.HEADER, lambda: changed(head={"b64": False, "crit": ["b64"]})),
    "jwt.unencoded-payload-not-critical": (Cause.HEADER, lambda: changed(head={"b64": False})),
    "jwt.jku-is-list": (Cause.HEADER, lambda: changed(head={"jku": ["https://ehr.example.org"]})),
    "jwt.jku-null": (Cause.HEADER, lambda: one(signed(header() | {"jku": None}, claims(tenant="general"), EC, "ES384"))),
    # algorithms
    "jwt.alg-none": (Cause.MALFORMED, lambda: changed(algorithm="none")),
    "jwt.alg-none-with-signature": (Cause.ALGORITHM, lambda: changed(head={"alg": "none"})),
    "jwt.alg-none-capitals": (Cause.ALGORITHM, lambda: changed(head={"alg": "NONE"})),
    "jwt.alg-confusion-HS256": (Cause.ALGORITHM, lambda: one(hs256(pem(EC)))),
    "jwt.alg-confusion-HS256-empty": (Cause.ALGORITHM, lambda: one(hs256(b""))),
    "jwt.alg-ES256-not-listed": (Cause.ALGORITHM, lambda: changed(key=P256, algorithm="ES256")),
    "jwt.alg-RS256-not-listed": (Cause.ALGORITHM, lambda: changed(key=RSA, algorithm="RS256")),
    "jwt.alg-PS384": (Cause.ALGORITHM, lambda: changed(key=RSA, algorithm="PS384")),
    "jwt.alg-RS384-with-EC-kid": (Cause.KEY_UNKNOWN, lambda: changed(key=RSA, algorithm="RS384", head={"kid": "ec"})),
    "jwt.alg-ES384-with-RSA-kid": (Cause.KEY_UNKNOWN, lambda: changed(head={"kid": "rsa"})),
    # keys and signatures
    "jwt.unknown-kid": (Cause.KEY_UNKNOWN, lambda: changed(head={"kid": "other"})),
    "jwt.foreign-key": (Cause.SIGNATURE, lambda: changed(key=STRANGER)),
    "jwt.changed-claims": (Cause.SIGNATURE, lambda: one(swapped())),
    "jwt.changed-signature": (Cause.SIGNATURE, lambda: one(flipped(token(tenant="general"), 2))),
    "jwt.zero-signature": (Cause.SIGNATURE, lambda: one(f"{part(header())}.{part(claims(tenant='general'))}.{part(bytes(96))}")),
    "jwt.short-signature": (Cause.SIGNATURE, lambda: one(f"{part(header())}.{part(claims(tenant='general'))}.AAAA")),
    # issuer and tenant
    "jwt.no-iss": (Cause.ISSUER, lambda: changed(iss=None)),
    "jwt.unknown-iss": (Cause.ISSUER, lambda: changed(iss="https://attacker.example.org")),
    "jwt.iss-with-slash": (Cause.ISSUER, lambda: changed(iss=f"{ISSUER}/")),
    "jwt.iss-is-list": (Cause.ISSUER, lambda: changed(iss=[ISSUER])),
    "jwt.iss-is-object": (Cause.ISSUER, lambda: changed(iss={ISSUER: 1})),
    "jwt.no-tenant": (Cause.TENANT, lambda: changed(tenant=None)),
    "jwt.other-tenant": (Cause.TENANT, lambda: changed(tenant="veterinary")),
    "jwt.tenant-is-list": (Cause.CLAIMS, lambda: changed(tenant=["general"])),
    # audience
    "jwt.no-aud": (Cause.AUDIENCE, lambda: changed(aud=None)),
    "jwt.wrong-aud": (Cause.AUDIENCE, lambda: changed(aud="https://cds.example.org/cds-services/mgcds-patient-view")),
    "jwt.aud-trailing-slash": (Cause.AUDIENCE, lambda: changed(aud=f"{PUBLIC}{SERVICE}/")),
    "jwt.aud-base-url": (Cause.AUDIENCE, lambda: changed(aud=PUBLIC)),
    "jwt.aud-inner-address": (Cause.AUDIENCE, lambda: changed(aud=f"http://testserver/inside{SERVICE}")),
    "jwt.aud-empty-array": (Cause.AUDIENCE, lambda: changed(aud=[])),
    "jwt.aud-mixed-array": (Cause.AUDIENCE, lambda: changed(aud=[PUBLIC + SERVICE, 1])),
    "jwt.aud-nested-array": (Cause.AUDIENCE, lambda: changed(aud=[[PUBLIC + SERVICE]])),
    "jwt.aud-object": (Cause.AUDIENCE, lambda: changed(aud={PUBLIC + SERVICE: True})),
    # time
    "jwt.no-exp": (Cause.CLAIMS, lambda: changed(exp=None)),
    "jwt.no-iat": (Cause.CLAIMS, lambda: changed(iat=None)),
    "jwt.expired": (Cause.EXPIRED, lambda: changed(iat=time.time() - 400, exp=time.time() - 61)),
    "jwt.10-year-exp": (Cause.LIFETIME, lambda: changed(exp=int(time.time()) + YEARS)),
    "jwt.old-iat": (Cause.LIFETIME, lambda: changed(iat=int(time.time()) - 2 * HOUR)),
    "jwt.exp-before-iat": (Cause.LIFETIME, lambda: changed(iat=time.time() + 40, exp=time.time() + 20)),
    "jwt.future-iat": (Cause.TOO_EARLY, lambda: changed(iat=time.time() + 120, exp=time.time() + 300)),
    "jwt.future-iat-past-nbf": (
        Cause.TOO_EARLY,
        lambda: changed(nbf=time.time() - 300, iat=time.time() + 120, exp=time.time() + 300),
    ),
    "jwt.future-nbf": (Cause.TOO_EARLY, lambda: changed(nbf=time.time() + 120)),
    "jwt.nbf-text": (Cause.CLAIMS, lambda: changed(nbf="now")),
    "jwt.exp-text": (Cause.CLAIMS, lambda: changed(exp=str(int(time.time()) + 300))),
    "jwt.exp-bool": (Cause.CLAIMS, lambda: changed(exp=True)),
    "jwt.exp-list": (Cause.CLAIMS, lambda: changed(exp=[int(time.time()) + 300])),
    "jwt.exp-negative": (Cause.CLAIMS, lambda: changed(exp=-1)),
    "jwt.exp-enormous": (Cause.CLAIMS, lambda: changed(exp=10**300, iat=10**300 - 5)),
    "jwt.exp-too-many-digits": (Cause.MALFORMED, lambda: without("exp", "9" * 5000)),
    "jwt.exp-NaN": (Cause.MALFORMED, lambda: without("exp", "NaN")),
    "jwt.exp-infinite": (Cause.MALFORMED, lambda: without("exp", "1e999")),
    "jwt.iat-null": (Cause.CLAIMS, lambda: without("iat", "null")),
    # id
    "jwt.no-jti": (Cause.CLAIMS, lambda: changed(jti=None)),
    "jwt.empty-jti": (Cause.CLAIMS, lambda: changed(jti="")),
    "jwt.jti-number": (Cause.CLAIMS, lambda: changed(jti=17)),
    "jwt.jti-list": (Cause.CLAIMS, lambda: changed(jti=["a"])),
    "jwt.long-jti": (Cause.CLAIMS, lambda: changed(jti="j" * 257)),
    "jwt.jti-control-character": (Cause.CLAIMS, lambda: changed(jti="a\nb")),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_every_other_token_is_refused_alike(door: Door, name: str, logged: Any) -> None:
    cause, make = ATTACKS[name]
    sent = make()
    response = door.call(sent)
    assert door.causes == [cause]
    assert (response.status_code, response.json()) == (401, REFUSAL)  # no-reason-leak: one answer for every cause
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["cache-control"] == "no-store"
    lines = logged()
    assert cause.value in lines
    for _, value in sent:  # no part of a token that was not verified
        assert not any(piece in lines for piece in value.split(".") if len(piece) > 20)
    assert ISSUER not in lines
    assert "attacker" not in lines


def test_there_is_a_test_for_every_cause() -> None:
    elsewhere = {Cause.REPLAYED, Cause.KEY_SET_ADDRESS, Cause.KEYS_UNAVAILABLE}
    assert {cause for cause, _ in ATTACKS.values()} | elsewhere == set(Cause)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda own: own.origin + "/other.json", id="jwt.attacker-jku-same-host"),
        pytest.param(lambda own: own.address + "/", id="jwt.attacker-jku-slash"),
        pytest.param(lambda own: own.address.replace("http://", "http://x@"), id="jwt.attacker-jku-user"),
        pytest.param(lambda own: own.address.replace("127.0.0.1", "localhost"), id="jwt.attacker-jku-other-name"),
        pytest.param(None, id="jwt.attacker-jku-not-fetched"),
    ],
)
def test_an_address_in_a_token_is_compared_and_never_fetched(door: Door, make: Callable[[KeyServer], str] | None) -> None:
    with key_server() as canary:
        before = len(door.keys.asked)
        jku = canary.address if make is None else make(door.keys)
        response = door.call(bearer(token(tenant="general", key=STRANGER, head={"jku": jku})))
        assert (response.status_code, response.json()) == (401, REFUSAL)
        assert door.causes == [Cause.KEY_SET_ADDRESS]
        assert canary.asked == []
        assert len(door.keys.asked) == before


def test_nothing_is_fetched_for_a_token_that_is_refused_anyhow(library: Library, keys: KeyServer, tmp_path: Any) -> None:
    door = Door(library, keys, tmp_path)
    before = len(keys.asked)
    for cause, make in ATTACKS.values():
        if cause not in (Cause.SIGNATURE, Cause.KEY_UNKNOWN):
            door.call(make())
    assert len(keys.asked) == before
    assert door.call(bearer(token(tenant="general"))).status_code == 200
    assert len(keys.asked) == before + 1


# --- replay


def test_a_token_opens_the_door_once(door: Door, logged: Any) -> None:
    """jwt.replay-jti, also at another address and in another token with the same id."""
    made = claims(tenant="general", aud=[PUBLIC + SERVICE, PUBLIC + "/cds-services"])
    first, other = (signed(header(), made | more, EC, "ES384") for more in ({}, {"exp": made["exp"] + 1}))
    assert door.call(bearer(first)).status_code == 200
    for again, path in ((first, SERVICE), (first, "/cds-services"), (other, SERVICE)):
        response = door.call(bearer(again), path)
        assert (response.status_code, response.json()) == (401, REFUSAL)
    assert door.causes == [Cause.REPLAYED] * 3
    lines = logged()
    assert made["jti"] in lines  # this one was verified, so that the log may name it
    assert first not in lines


def test_a_refused_token_spends_nothing(door: Door) -> None:
    made = claims(tenant="general")
    assert door.call(bearer(signed(header(), made | {"aud": PUBLIC}, EC, "ES384"))).status_code == 401
    assert door.call(bearer(signed(header(), made, STRANGER, "ES384"))).status_code == 401
    assert door.call(bearer(signed(header(), made, EC, "ES384"))).status_code == 200


def test_a_token_is_known_to_another_worker_and_after_a_restart(library: Library, keys: KeyServer, tmp_path: Any) -> None:
    """jwt.replay-jti across two applications over one data folder."""
    one, two = (Door(library, keys, tmp_path, data_dir=tmp_path / "data") for _ in range(2))
    first, second = token(tenant="general"), token(tenant="general")
    assert one.call(bearer(first)).status_code == two.call(bearer(second)).status_code == 200
    assert two.call(bearer(first)).status_code == one.call(bearer(second)).status_code == 401
    later = Door(library, keys, tmp_path, data_dir=tmp_path / "data")
    assert later.call(bearer(first)).status_code == 401
    assert later.causes == [Cause.REPLAYED]


def test_without_its_memory_of_tokens_the_door_stays_shut(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> bool:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(door.app.state.trust.tokens, "spend", broken)
    response = door.call(bearer(token(tenant="general")))
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert response.json()["issue"][0]["code"] == "transient"
    assert "disk" not in response.text
    assert "cards" not in response.json()


def test_a_database_that_hangs_keeps_nobody_waiting(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mgcds.service.trust.SPENDING_SECONDS", 0.05)
    monkeypatch.setattr(door.app.state.trust.tokens, "spend", lambda *_: time.sleep(0.5) or True)
    assert door.call(bearer(token(tenant="general"))).status_code == 503


# --- around it


def test_a_caller_that_is_not_authenticated_is_not_read(door: Door) -> None:
    """Nor told which services there are."""
    assert door.call({}, body={"x": "y" * 6_000_000}).status_code == 401
    assert door.call({}, "/cds-services/nothing").json() == REFUSAL
    assert door.http.post(SERVICE, content=b"not json").json() == REFUSAL


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/rules", "/openapi.json"])
def test_what_holds_nothing_of_patients_stays_open(door: Door, path: str) -> None:
    assert door.http.get(path).status_code == 200


def test_discovery_is_behind_the_door_for_head_and_with_an_etag_too(door: Door) -> None:
    answer = door.call(bearer(token(path="/cds-services", tenant="general")), "/cds-services")
    etag = {"if-none-match": answer.headers["etag"]}
    assert answer.json()["services"]
    assert door.http.head("/cds-services").status_code == 401
    assert door.http.get("/cds-services", headers=etag).status_code == 401
    assert (
        door.http.get("/cds-services", headers=etag | bearer(token(path="/cds-services", tenant="general"))).status_code == 304
    )


def test_lines_of_a_call_name_the_client_and_never_its_token(door: Door, logged: Any) -> None:
    made = token(tenant="general")
    assert door.call(bearer(made)).status_code == 200
    text = logged()
    lines = [json.loads(line) for line in text.splitlines()]
    assert {"answered"} <= {line["event"] for line in lines if line.get("client") == "general-hospital"}
    assert not any(piece in text for piece in made.split("."))


def test_a_slash_at_the_end_of_the_address_called_changes_nothing(door: Door) -> None:
    assert door.call(bearer(token(tenant="general")), f"{SERVICE}/").status_code == 200


def test_without_authentication_a_token_is_not_looked_at(library: Library) -> None:
    open_door = TestClient(create_app(library, read_settings(today=TODAY)))
    assert open_door.app.state.trust is None  # type: ignore[attr-defined]
    assert open_door.post(SERVICE, json=REQUEST, headers={"authorization": "Bearer nonsense"}).status_code == 200


@pytest.mark.parametrize("seed", range(20))
def test_no_shape_of_a_token_is_a_failure(door: Door, seed: int) -> None:
    """Values of every type in every place: refused, never 500."""
    import random

    rng = random.Random(seed)
    odd = [None, True, -1, 0, 1e300, 10**300, "", "x", "\ud800", "\u0000", [], [[]], {}, {"a": []}, [None], ["x", 1], 2**63]
    for _ in range(15):
        head, body = header(), claims(tenant="general")
        chosen = rng.choice([head, body])
        chosen[rng.choice([*chosen, "jku", "nbf", "crit"])] = rng.choice(odd)
        chosen[rng.choice(list(chosen))] = rng.choice(odd)
        assert door.call(bearer(signed(head, body, EC, "ES384"))).status_code in (200, 401)
