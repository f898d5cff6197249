"""What was shown when an order was chosen, and whether signing it shows it again (PDDI-CDS options)."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from mgcds.cards import findings_on
from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.settings import Settings
from mgcds.store import Repeats, Store, StoreError, open_database, site_key
from mgcds.store.repeats import KEPT
from tests.service.conftest import TODAY, Client

Request = dict[str, Any]
REMEMBER = {"cache-for-order-sign-filtering": True}
FILTER = {"filter-out-repeated-alerts": True}
NAME = "26-quinolone-to-separate"


@pytest.fixture
def own(library: Library, tmp_path: Path) -> Client:
    return Client(TestClient(create_app(library, Settings(today=TODAY, data_dir=tmp_path)), raise_server_exceptions=False))


def signing(client: Client, options: dict[str, Any] | None = FILTER, name: str = NAME) -> Request:
    request = client.fixture(name) | {"hook": "order-sign"}
    request["context"] |= {"userId": "Practitioner/resident", "encounterId": "e1"}
    if options is not None:
        request["extension"] = {"configuration-items": options}
    return request


def selecting(client: Client, options: dict[str, Any] | None = REMEMBER, name: str = NAME) -> Request:
    request = signing(client, options, name) | {"hook": "order-select"}
    entries = request["context"]["draftOrders"]["entry"]
    request["context"]["selections"] = [f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in entries]
    return request


def ids(client: Client, request: Request) -> set[str]:
    status, answer = client.call(request)
    assert status == 200
    return {f["rule"] for card in answer["cards"] for f in findings_on(card)}


def topics(client: Client, request: Request) -> list[str]:
    return [card["source"]["topic"]["code"] for card in client.call(request)[1]["cards"]]


def test_what_was_shown_at_the_choice_is_not_repeated_at_signing_and_a_card_says_so(own: Client) -> None:
    shown = ids(own, selecting(own))
    assert shown
    status, answer = own.call(signing(own))
    assert status == 200
    said = [card for card in answer["cards"] if card["source"]["topic"]["code"] == "repeated"]
    assert len(said) == 1
    assert (said[0]["indicator"], len(said[0]["summary"]) < 140) == ("info", True)
    repeated = {
        rule for rule, end in answer["extension"]["org.mgcds.evaluation"]["rules"].items() if end.get("reason") == "repeated"
    }
    assert repeated
    assert repeated <= shown
    assert said[0]["extension"]["org.mgcds.card"]["key"]
    assert not repeated & {f["rule"] for card in answer["cards"] for f in findings_on(card)}
    assert all(str(own.http.app.state.library.rules[rule].model.title).split()[0] in said[0]["detail"] for rule in repeated)  # type: ignore[attr-defined]


def test_choosing_again_shows_it_again(own: Client) -> None:
    first = ids(own, selecting(own))
    assert ids(own, selecting(own, REMEMBER | FILTER)) == first


def test_the_patient_and_the_encounter_are_the_same_with_and_without_their_type(own: Client) -> None:
    first, signed = ids(own, selecting(own)), signing(own)
    context = signed["context"]
    context |= {"patientId": f"Patient/{context['patientId']}", "encounterId": f"Encounter/{context['encounterId']}"}
    assert ids(own, signed) < first


DIFFERENT: dict[str, Callable[[Request], None]] = {
    "another clinician": lambda r: r["context"].update(userId="Practitioner/attending"),
    "another encounter": lambda r: r["context"].update(encounterId="e2"),
    "no encounter": lambda r: r["context"].pop("encounterId"),
    "an empty encounter": lambda r: r["context"].update(encounterId=""),
    "another dose": lambda r: r["context"]["draftOrders"]["entry"][0]["resource"].update(note=[{"text": "changed"}]),
    "no option": lambda r: r.pop("extension"),
    "the option is off": lambda r: r.update(extension={"configuration-items": {"filter-out-repeated-alerts": False}}),
    "the option is no boolean": lambda r: r.update(extension={"configuration-items": {"filter-out-repeated-alerts": "true"}}),
    "the extension is rubbish": lambda r: r.update(extension=[{"configuration-items": FILTER}]),
    "the options are rubbish": lambda r: r.update(extension={"configuration-items": [FILTER]}),
    "the option of the other hook": lambda r: r.update(extension={"configuration-items": REMEMBER}),
}


@pytest.mark.parametrize("case", sorted(DIFFERENT))
def test_anything_else_shows_it_again(own: Client, case: str) -> None:
    own.call(selecting(own))
    request = signing(own)
    DIFFERENT[case](request)
    assert "repeated" not in topics(own, request)
    assert ids(own, request) == ids(own, signing(own, None))


@pytest.mark.parametrize("encounter", [{}, {"encounterId": ""}], ids=["none", "an empty one"])
def test_without_an_encounter_nothing_stays_away_because_it_could_be_anybodys(own: Client, encounter: Request) -> None:
    chosen, signed = selecting(own), signing(own)
    for request in (chosen, signed):
        del request["context"]["encounterId"]
        request["context"] |= encounter
    own.call(chosen)
    assert "repeated" not in topics(own, signed)


def test_nothing_is_remembered_unless_the_client_asks(own: Client) -> None:
    own.call(selecting(own, None))
    own.call(selecting(own, {"cache-for-order-sign-filtering": False}))
    assert "repeated" not in topics(own, signing(own))


def test_what_was_shown_at_signing_is_not_remembered_so_signing_again_shows_it(own: Client) -> None:
    own.call(signing(own, REMEMBER))
    assert "repeated" not in topics(own, signing(own))


def test_another_patient_with_the_same_order_sees_it(own: Client) -> None:
    own.call(selecting(own))
    text = json.dumps(signing(own))
    patient = signing(own)["context"]["patientId"]
    other = json.loads(text.replace(f'"{patient}"', '"somebody-else"').replace(f"Patient/{patient}", "Patient/somebody-else"))
    assert "repeated" not in topics(own, other)


def test_a_finding_that_rests_on_something_new_is_shown(own: Client) -> None:
    name = "22-draft-to-move"
    own.call(selecting(own, name=name))
    assert "repeated" in topics(own, signing(own, name=name))
    changed = signing(own, name=name)
    for entry in changed["prefetch"]["medications"]["entry"]:
        entry["resource"]["authoredOn"] = "2026-06-14"
        for dosage in entry["resource"].get("dosageInstruction", []):
            dosage.get("timing", {}).get("repeat", {})["timeOfDay"] = ["08:10:00"]
    assert "mg-bisphosphonate" in ids(own, changed)  # its gap is another one now


def test_a_critical_finding_is_always_shown(own: Client) -> None:
    name = "10-order-sign-impaired-kidneys"
    plain = own.call(signing(own, None, name))[1]
    critical = {f["rule"] for card in plain["cards"] for f in findings_on(card) if f["indicator"] == "critical"}
    assert critical
    assert critical <= ids(own, selecting(own, name=name))
    assert critical <= ids(own, signing(own, name=name))


def test_two_workers_share_what_they_remember(library: Library, own: Client, tmp_path: Path) -> None:
    own.call(selecting(own))
    settings = Settings(today=TODAY, data_dir=tmp_path)
    other = Client(TestClient(create_app(library, settings), raise_server_exceptions=False))
    assert "repeated" in topics(other, signing(other))


def test_a_store_that_fails_costs_the_filter_and_never_a_card(own: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    own.call(selecting(own))

    def fail(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(Repeats, "known", fail)
    monkeypatch.setattr(Repeats, "remember", fail)
    assert "repeated" not in topics(own, signing(own))
    assert ids(own, selecting(own))


def test_names_are_kept_for_some_hours_and_say_nothing(tmp_path: Path) -> None:
    engine = open_database(tmp_path)
    repeats = Repeats(engine, site_key(None, tmp_path))
    at = datetime(2026, 6, 15, 12, tzinfo=UTC)
    name = repeats.name("issuer", "Practitioner/jane", "patient-7")
    repeats.remember([name], at=at)
    repeats.remember([name], at=at + timedelta(hours=1))  # seen again: kept longer
    later = at + timedelta(hours=1) + KEPT
    assert repeats.known([name, "other"], at=later - timedelta(seconds=1)) == {name}
    assert repeats.known([name], at=later) == frozenset()
    repeats.remember([], at=later)
    assert repeats.known([name], at=at) == frozenset()  # gone from the disk too
    Store(engine, b"k" * 32)
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [word for word in (b"jane", b"patient-7", b"issuer/") if word in raw]
    other = Repeats(engine, b"another key, another site, 32 by")
    assert other.name("issuer", "Practitioner/jane", "patient-7") != name


def test_a_copy_of_a_request_has_the_same_names(own: Client) -> None:
    """Keys in another order are the same order of a medicine."""
    own.call(selecting(own))
    request = signing(own)
    for entry in request["context"]["draftOrders"]["entry"]:
        entry["resource"] = dict(reversed(copy.deepcopy(entry["resource"]).items()))
    assert "repeated" in topics(own, request)


def test_what_was_seen_counts_by_the_clock_whatever_day_is_tested(library: Library, tmp_path: Path) -> None:
    """The upkeep goes by the clock: on a day that is long over, it would delete at once what was seen a moment ago."""
    settings = Settings(today="2020-01-15", data_dir=tmp_path)  # type: ignore[arg-type]
    own = Client(TestClient(create_app(library, settings), raise_server_exceptions=False))
    own.call(selecting(own))
    assert "seen" not in own.http.app.state.memory.upkeep.once()  # type: ignore[attr-defined]
    assert "repeated" in topics(own, signing(own))
