"""Takes identifiers out of a captured request, so that it can be shared: what is kept is listed, all else goes.

The rules find the same in what is left: codes, doses and results stay, dates move by one number of weeks, references stay
joined under new ids, and words stay where the rule library itself knows them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from mgcds.clock import completed_years
from mgcds.redaction.kept import DATES, ENUMERATED, FLAGS, NUMBERS, REFERENCES, STRUCTURE, WORDS
from mgcds.terminology import canonical_system
from mgcds.terminology.systems import SYSTEMS
from mgcds.units import decimal, normal_unit

OLDEST = 90  # ages above it are told as it: there are few people of 104
MOST_WEEKS = 52
MOST_PLACES = 24  # of a result, computed with all its decimals
_UNIT_WORDS = re.compile(r"[^\W\d_{}()\[\] ]*[{(\[]?[^\W\d_]+[})\]]?")
MOST_DIGITS = 6  # of a number among words; longer ones are numbers of something else
# A telephone or social security number, or a date: its short parts would pass as numbers of a dose.
_IDENTIFIER = re.compile(
    r"(?<!\d)(?:\d{3}\)?[ .-]?\d{2,3}[ .-]\d{4}|\d{1,2}[/.-]\d{1,2}[/.-]\d{4}|\d{4}[/.-]\d{1,2}[/.-]\d{1,2})(?!\d)"
)
_NAMESPACE = UUID("7d3c6a0e-52a6-5d2c-9a3d-0c4f5b7f1f11")
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T[0-9:.]+(Z|[+-]\d\d:\d\d)?)?)?)?")
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?")
_ADDRESS_OF_TYPE = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)(?:\?|$)")
_WORD = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*|[/%+.]|-")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,17}")
_TERMINOLOGIES = ("urn:mgcds:", "http://terminology.hl7.org/", "http://hl7.org/fhir/", "http://unitsofmeasure.org")

_PLAIN = re.compile(r"[A-Za-z][A-Za-z-]{0,30}")


@dataclass(slots=True)
class Redacted:
    """A file without identifiers, the day on which to evaluate it, and how many values were taken out."""

    value: Any
    today: date
    removed: int


def redact(value: Any, *, words: frozenset[str], today: date, seed: int) -> Redacted:
    """`value` (a request, a Bundle or resources) without identifiers. The same seed gives the same answer."""
    chosen = random.Random(seed)  # noqa: S311 - moves dates; what hides people is that everything else is left out
    shift = timedelta(weeks=-chosen.randint(1, MOST_WEEKS))
    work = _Redaction(_new_ids(value), words, today, shift, seed)
    made = work.request(value) if isinstance(value, dict) and "context" in value else work.of(value)
    return Redacted(made, today + shift, work.removed)


def _ids(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and key in ("id", "reference", "fullUrl", "patientId", "encounterId", "userId"):
                yield _tail(item)
            elif key == "selections" and isinstance(item, list):
                yield from (_tail(each) for each in item if isinstance(each, str))
            else:
                yield from _ids(item)
    elif isinstance(value, list):
        for item in value:
            yield from _ids(item)


def _tail(reference: str) -> str:
    return reference.split("/_history/")[0].rstrip("/").rsplit("/", 1)[-1].removeprefix("urn:uuid:").lstrip("#")


def _new_ids(value: Any) -> dict[str, str]:
    """New ids in the order of the old ones, because the order of ids settles ties."""
    return {old: f"id-{number:05d}" for number, old in enumerate(sorted(set(_ids(value))))}


@dataclass(slots=True)
class _Redaction:
    ids: Mapping[str, str]
    words: frozenset[str]
    today: date
    shift: timedelta
    seed: int
    removed: int = 0
    systems: dict[str, str] = field(default_factory=dict)

    def request(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """A CDS Hooks request: hook, context and prefetch; who asked, from where and with which token goes."""
        made: dict[str, Any] = {"hook": value.get("hook"), "hookInstance": str(uuid5(_NAMESPACE, f"{self.seed}"))}
        context = value.get("context")
        kept: dict[str, Any] = {}
        for key, item in context.items() if isinstance(context, dict) else ():
            if key in ("patientId", "encounterId", "userId") and isinstance(item, str):
                kept[key] = self._reference(item)
            elif key == "selections" and isinstance(item, list):
                kept[key] = [self._reference(each) for each in item if isinstance(each, str)]
            elif key in STRUCTURE:
                kept[key] = self.of(item)
            else:
                self.removed += 1
        made["context"] = kept
        prefetch = value.get("prefetch")
        if isinstance(prefetch, dict):
            made["prefetch"] = {str(key): self.of(item) for key, item in prefetch.items()}
        self.removed += len(set(value) - {"hook", "hookInstance", "context", "prefetch"})
        return made

    def of(self, value: Any) -> Any:
        """A resource, a Bundle, or a part of one."""
        if isinstance(value, list):
            return [self.of(item) for item in value]
        if not isinstance(value, dict):
            return value if value is None else self._nothing()
        if isinstance(url := value.get("url"), str) and "valueCode" not in value and not url.startswith(_TERMINOLOGIES):
            return self._link(value)
        made = {}
        for key, item in value.items():
            found = self._part(key, item, value)
            if found is not None:
                made[key] = found
            elif item is not None:
                self.removed += 1
        return made

    def _part(self, key: str, item: Any, parent: Mapping[str, Any]) -> Any:
        if isinstance(item, list) and item and all(isinstance(each, str) for each in item):
            return [found for each in item if (found := self._part(key, each, parent)) is not None]
        if key == "birthDate":
            return self._born(item)
        if key == "id" or (key in REFERENCES and isinstance(item, str)):
            return self._reference(str(item))
        if key in DATES and isinstance(item, str):
            return self._moved(item)
        if key in ("unit", "units", "code") and isinstance(item, str) and self._is_unit(item):
            return item
        if key == "code" and isinstance(item, str) and "severity" in parent:  # of an OperationOutcome's issue
            return item if self._is_plain(item) else None
        if key in ("system", "code") and isinstance(item, str):
            return self._code(key, item, str(parent.get("system") or ""))
        if key in WORDS and isinstance(item, str):
            return self._known(item)
        if key in ENUMERATED and isinstance(item, str):
            return item if self._is_plain(item) or (key == "resourceType" and _PLAIN.fullmatch(item)) else None
        if key in NUMBERS and not isinstance(item, dict | list | bool):
            return item if decimal(item) is not None and len(str(item)) <= MOST_PLACES else None
        if key in FLAGS and isinstance(item, bool):
            return item
        if key in ("timeOfDay", "valueTime") and isinstance(item, str):
            return item if _TIME.fullmatch(item) else None
        if key == "url" and isinstance(item, str):
            return item if item.startswith(_TERMINOLOGIES) else None
        return self.of(item) if key in STRUCTURE and isinstance(item, dict | list) else None

    def _is_unit(self, text: str) -> bool:
        """Of our table, or made of words that the library knows, with the brackets in which some EHRs write: tab(s)."""
        if normal_unit(text) is not None:
            return True
        words = re.findall(r"[^\W\d_]+", text.lower()) if _UNIT_WORDS.fullmatch(text) else []
        return bool(words) and all(word in self.words for word in words)

    def _is_plain(self, text: str) -> bool:
        """A status, a unit of time, a day: lower case with hyphens, or the short capitals of timing codes."""
        return bool(_PLAIN.fullmatch(text)) and (text.islower() or (text.isupper() and len(text) <= 4))

    def _link(self, value: Mapping[str, Any]) -> dict[str, Any] | None:
        """A link of a Bundle says what was searched; whose record it was goes."""
        match = _ADDRESS_OF_TYPE.search(str(value["url"]).split("?")[0] + "?")
        kept = {"relation": value["relation"]} if value.get("relation") in ("self", "next") else {}
        return {**kept, "url": f"{match[1]}?"} if match and kept else {}

    def _reference(self, text: str) -> str:
        new = self.ids.get(_tail(text), "id-x")
        if text.startswith("#"):
            return f"#{new}"
        if text.startswith("urn:uuid:"):
            return f"urn:uuid:{new}"
        kind = re.search(r"([A-Z][A-Za-z]+)/[^/]+$", text.split("/_history/")[0].rstrip("/"))
        start = "https://ehr.example.org/" if "://" in text else ""
        return f"{start}{kind[1]}/{new}" if kind else new

    def _born(self, item: Any) -> str | None:
        """The first day of a month on which the age in completed years (of small children: months) is the same."""
        if not isinstance(item, str) or not _DATE.fullmatch(item):
            return None
        today = self.today + self.shift
        if len(item) < 10:  # a year, or a month of it
            return f"{max(int(item[:4]), today.year - OLDEST):04}"
        try:
            born = date.fromisoformat(item[:10])
        except ValueError:
            return None
        age = completed_years(born, self.today)
        months = (self.today.year - born.year) * 12 + self.today.month - born.month - (self.today.day < born.day)
        back = months if age < 3 else 12 * min(age, OLDEST)
        first = today.year * 12 + today.month - 1 - back
        return date(first // 12, first % 12 + 1, 1).isoformat()

    def _moved(self, text: str) -> str | None:
        if not _DATE.fullmatch(text):
            return None
        try:
            if len(text) <= 7:  # a month or a year: of its middle
                middle = date(int(text[:4]), int(text[5:7] or 7), 15) + self.shift
                return middle.isoformat()[: len(text)]
            day = date.fromisoformat(text[:10]) + self.shift
            datetime.fromisoformat(text)
        except (ValueError, OverflowError):
            return None
        return f"{day.isoformat()}{text[10:]}"

    def _code(self, key: str, item: str, system: str) -> str | None:
        canonical = canonical_system(system)
        known = canonical.startswith(_TERMINOLOGIES) or canonical != system or canonical in SYSTEMS
        if key == "system":
            return item if known else self.systems.setdefault(item, f"urn:local:{len(self.systems) + 1}")
        if known or not system:
            return item if _CODE.fullmatch(item) and (known or self._known(item) == item) else self._known(item)
        return None  # a local code says nothing to anybody else

    def _known(self, text: str) -> str | None:
        """The words that the library knows, with the numbers that stand between them."""
        text, found = _IDENTIFIER.subn(" ", text)
        self.removed += found
        words = _WORD.findall(text)
        kept: list[str] = []
        for at, word in enumerate(words):
            beside = words[at + 1].lower() if at + 1 < len(words) else ""
            is_short = len(word) <= 3 and bool(beside)
            is_measure = word[0].isdigit() and (is_short or (len(word) <= MOST_DIGITS and normal_unit(beside) is not None))
            if word.lower() in self.words or word in "/%+-." or is_measure:
                kept.append(word)
            else:
                self.removed += 1
        shown = " ".join(kept).replace(" / ", "/").replace(" - ", "-").strip(" /+-.")
        return shown or None

    def _nothing(self) -> None:
        self.removed += 1
