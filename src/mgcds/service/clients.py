"""The clients file (MGCDS_CLIENTS): which EHRs may call, how their tokens are verified, and which FHIR servers are theirs.

    clients:
      - name: general-hospital
        issuer: https://ehr.example.org
        key_set: https://ehr.example.org/.well-known/jwks.json
        tenants: [general]
        fhir_servers: [https://fhir.example.org/r4]
        dialect: epic

An issuer and its key set are registered together: an address in a token is compared, never fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator, WithJsonSchema

from mgcds.language.literals import as_text, wrong
from mgcds.language.model import Model
from mgcds.language.problems import validate
from mgcds.source import Map, Place, Problem, Seq, SourceError, Text, place_of, read

Algorithm = Literal["ES384", "RS384", "ES256", "RS256"]
Dialect = Literal["spec", "epic", "oracle", "athena"]


class ClientsError(SourceError):
    """The clients file cannot be used; carries every problem found in it."""


def is_loopback(host: str) -> bool:
    """Whether an address names this machine itself."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _address(value: Any) -> Text:
    text = as_text(value)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        raise wrong("this is no address; write it like https://ehr.example.org/path", text.place)
    if parts.scheme == "http" and not is_loopback(host):
        raise wrong("without TLS anybody on the way reads it; write https://", text.place)
    return text


def _words(value: Any) -> tuple[Text, ...]:
    if not isinstance(value, list) or not value:
        raise wrong("a list belongs here, like [general]", place_of(value))
    return tuple(as_text(item) for item in value)


def _name(value: Any) -> Text:
    text = as_text(value)
    if not re.fullmatch(r"[a-z0-9-]{1,40}", text):
        raise wrong("write it with small letters, digits and hyphens, at most 40, like general-hospital", text.place)
    return text


Name = Annotated[Text, PlainValidator(_name), WithJsonSchema({"type": "string", "pattern": "^[a-z0-9-]{1,40}$"})]
Address = Annotated[Text, PlainValidator(_address), WithJsonSchema({"type": "string", "format": "uri"})]
Addresses = Annotated[tuple[Text, ...], PlainValidator(lambda value: tuple(_address(item) for item in _words(value)))]
Words = Annotated[tuple[Text, ...], PlainValidator(_words)]


class Client(Model):
    """One EHR that may call. Token ids are kept apart by `issuer`, patients by `issuer` and tenant."""

    name: Name = Field(description="short name for metrics and logs")
    issuer: Text = Field(description="the `iss` of its tokens, letter by letter")
    key_set: Address = Field(description="where its public keys are; the only address keys are fetched from")
    algorithms: tuple[Algorithm, ...] = Field(default=("ES384", "RS384"), min_length=1)
    tenants: Words = Field(default=(), description="the `tenant` values that are allowed; empty: any, or none at all")
    fhir_servers: Addresses = Field(default=(), description="base addresses from which missing data may be fetched")
    private_addresses: Literal["allowed", "refused"] = Field(
        default="refused", description="whether its key set and FHIR servers may have private addresses (10.0.0.0/8 and so on)"
    )
    dialect: Dialect = Field(default="spec", description="which EHR it is, where it differs from the specification")


class _File(Model):
    clients: Annotated[tuple[Any, ...], PlainValidator(lambda value: tuple(_entries(value)))]


def _entries(value: Any) -> Seq:
    if not isinstance(value, Seq) or not value:
        raise wrong("a list of clients belongs here; start each with - name: general-hospital", place_of(value))
    return value


@dataclass(frozen=True, slots=True)
class Clients:
    """Every client by its issuer."""

    by_issuer: Mapping[str, Client] = field(default_factory=dict)

    def of(self, issuer: str) -> Client | None:
        """The client that signs as `issuer`."""
        return self.by_issuer.get(issuer)


def read_clients(path: Path) -> Clients:
    """The clients of a file. Raises ClientsError with every problem, each with its place."""
    file, start = str(path), Place(str(path), 1, 1)
    try:
        tree = read(path, shown_as=file)
    except SourceError as error:
        raise ClientsError(error.problems) from None
    except (OSError, UnicodeDecodeError):
        raise ClientsError([Problem(start, "the file cannot be read as UTF-8 text; check it is there")]) from None
    problems: list[Problem] = []
    typed = validate(_File, tree, problems, file) if isinstance(tree, Map) else None
    if typed is None:
        raise ClientsError(problems or [Problem(start, "a clients file starts with clients:, and a list below it")])
    known: dict[str, Client] = {}
    names: set[str] = set()
    for entry in typed.clients:
        client = validate(Client, entry, problems, file)
        if client is None:
            continue
        if str(client.issuer) in known or client.name in names:
            problems.append(Problem(place_of(entry, start), "this issuer or name is listed twice; keep one"))
        known[str(client.issuer)] = client
        names.add(client.name)
    if problems:
        raise ClientsError(problems)
    return Clients(known)
