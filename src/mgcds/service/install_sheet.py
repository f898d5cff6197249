"""Every value that a hospital must type to connect one EHR, computed from the library: nothing of it is written twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mgcds.cards.compose import OWN_TOPICS, REASON, TOPIC
from mgcds.cards.dialect import Profile, never_shown
from mgcds.language.library import Library
from mgcds.language.rule import LEVELS
from mgcds.language.site import ACTIVE
from mgcds.service.older_fhir import OLDER, queries_in
from mgcds.service.prefetch import REQUIRED

_TYPE = re.compile(r"^([A-Za-z]+)[/?]")
_INCLUDED = re.compile(r"_include=[A-Za-z]+:([a-z]+)")


def install_sheet(library: Library, services: Sequence[Mapping[str, Any]], profile: Profile, public_url: str) -> str:
    """The sheet as Markdown. `services` are those of the discovery document."""
    kept = [service for service in services if profile.fires(service["hook"])]
    parts = [
        _head(profile, public_url),
        _services(kept, public_url),
        _data(kept, profile),
        _tokens(kept, profile, public_url),
        _reasons(library),
        _topics(library),
        _there(library, profile),
    ]
    return "\n".join(line for part in parts for line in part)


def resource_types(template: str) -> set[str]:
    """The FHIR resource types that a prefetch template reads."""
    match = _TYPE.match(template)
    return ({match[1]} if match else set()) | {name.capitalize() for name in _INCLUDED.findall(template)}


def _head(profile: Profile, public_url: str) -> Iterator[str]:
    yield f"# Connect {profile.title} to mgcds\n"
    if profile.discovery == "reads":
        yield f"This EHR reads `{public_url}/cds-services` by itself; the values below are for checking.\n"
    else:
        yield "This EHR does not read the discovery document: type these values.\n"


def _services(services: Sequence[Mapping[str, Any]], public_url: str) -> Iterator[str]:
    yield "## Services\n"
    yield "| hook | version | service id | address | feedback |\n|---|---|---|---|---|"
    for service in services:
        address = f"{public_url}/cds-services/{service['id']}"
        yield f"| `{service['hook']}` | {service['hookVersion']} | `{service['id']}` | `{address}` | `{address}/feedback` |"
    yield ""


def _data(services: Sequence[Mapping[str, Any]], profile: Profile) -> Iterator[str]:
    needed = " and ".join(f"`{key}`" for key in REQUIRED)
    yield "## Prefetch\n"
    yield f"{needed} are required. What is not sent is fetched where allowed, else named on the cards.\n"
    typed = {service["hook"]: service["prefetch"] for service in services}
    yield from _queries(typed)
    read = dict.fromkeys(_types(typed), "")
    for version in OLDER:
        if version in profile.fhir:
            older = {hook: queries_in(version, prefetch) for hook, prefetch in typed.items()}
            for kind in _types(older) - _types(typed):
                read[kind] = f"{read[kind]}, {version}" if kind in read else version
            yield f"### Where the FHIR server speaks {version}\n"
            yield "The queries above are those of R4. Type these instead; the keys that are not named here stay as above."
            missed = [f"`{key}`" for key in REQUIRED if any(key in queries for queries in older.values())]
            refused = f" Without {' and '.join(missed)} a call is refused (412)." if missed else ""
            yield f"We fetch by the queries of R4 only, so the EHR must send these.{refused}\n"
            yield from _queries(older)
    yield "## Scopes\n"
    yield "| data | SMART 1 | SMART 2 |\n|---|---|---|"
    for kind, versions in sorted(read.items()):
        yield f"| {kind}{f' ({versions})' if versions else ''} | `patient/{kind}.read` | `patient/{kind}.rs` |"
    yield ""


def _queries(prefetch: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Each key with its query, in the order of the hooks. A key may have another query at another hook."""
    by_key: dict[tuple[str, str], list[str]] = {}
    for hook, templates in prefetch.items():
        for key, template in templates.items():
            by_key.setdefault((key, template), []).append(hook)
    for (key, template), hooks in by_key.items():
        where = "all hooks" if len(hooks) == len(prefetch) else ", ".join(f"`{hook}`" for hook in hooks)
        yield f"`{key}` at {where}:\n"
        # A block to be copied: in a table the "|" between system and code would have to be written otherwise.
        yield f"```text\n{template}\n```\n"


def _types(prefetch: Mapping[str, Mapping[str, str]]) -> set[str]:
    return {kind for templates in prefetch.values() for template in templates.values() for kind in resource_types(template)}


def _tokens(services: Sequence[Mapping[str, Any]], profile: Profile, public_url: str) -> Iterator[str]:
    yield "## Tokens\n"
    yield f"Signed with {profile.token_algorithm} (ES384 and RS384 are accepted). `aud` is the address that is called:\n"
    yield f"- `{public_url}/cds-services` (discovery)"
    for service in services:
        yield f"- `{public_url}/cds-services/{service['id']}`, and `/feedback` after it for feedback"
    yield "\nInto our clients file (`MGCDS_CLIENTS`) go the issuer, the address of its key set, tenants and FHIR servers:\n"
    yield "    clients:\n      - name: our-hospital\n        issuer: https://ehr.example.org"
    yield "        key_set: https://ehr.example.org/jwks.json\n        fhir_servers: [https://fhir.example.org/r4]"
    yield f"        dialect: {profile.dialect}\n"


def _reasons(library: Library) -> Iterator[str]:
    yield f"## Override reasons\n\nSystem `{REASON}`:\n"
    yield "| code | text |\n|---|---|"
    for code, reason in sorted(library.reasons.items()):
        yield f"| `{code}` | {reason.display} |"
    yield ""


def _topics(library: Library) -> Iterator[str]:
    yield f"## Topics of cards\n\nSystem `{TOPIC}`:\n"
    yield "| code | title |\n|---|---|"
    titles = {key: group.title for key, group in library.policy.groups.items()} | OWN_TOPICS
    for key, title in titles.items():
        yield f"| `{key}` | {title} |"
    yield f"\nIndicators of cards: {', '.join(f'`{level}`' for level in LEVELS)}.\n"


def _there(library: Library, profile: Profile) -> Iterator[str]:
    yield f"## What is different at {profile.title}\n"
    for note in profile.notes:
        yield f"- {note}"
    yield f"- Links on cards: {profile.links}. Suggestions: {profile.suggestions}."
    for name, value in profile.card_extension.items():
        yield f"- Every card carries the extension `{name}`: `{value}`."
    active = {rule.id: tuple(map(str, rule.model.hooks)) for rule in library.rules_in_use() if rule.state == ACTIVE}
    silent = never_shown(active, profile)
    if silent:
        yield f"- Rules that this EHR never asks for, because it calls at none of their hooks: {', '.join(silent)}."
    yield "- Source attributes of each rule, for a certified EHR: `/rules/<rule>/source-attributes.json`."
    yield "- Cards can be read without their links and suggestions. Wait 2 seconds for an answer, then go on without.\n"
