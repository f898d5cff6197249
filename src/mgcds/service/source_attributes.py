"""The thirteen source attributes of a rule, as 45 CFR 170.315(b)(11)(iv)(A) names them for evidence-based decision support."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mgcds.language.governance import PersonalData
from mgcds.language.library import Library, LinkedRule, Source
from mgcds.service.looked_at import needed
from mgcds.service.numbers import sources, tables
from mgcds.service.personal_data import used_by

Written = Annotated[str, Field(min_length=1, pattern=r"\S")]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", json_schema_extra={"format": "date"})]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Citation(_Answer):
    """A source, how strong it is, and whether its text was read."""

    citation: Written
    behind: Literal["rule", "definitions and tables", "choice between sources that disagree"] = Field(
        description="what rests on it: the rule itself, or definitions and tables that it shares with other rules"
    )
    verification: Written = Field(
        description="seen: the text was read; not yet checked: cited from elsewhere; weak copy: seen in a poor copy; "
        "ours: a choice of the developer"
    )
    strength: Literal["strong", "moderate", "weak", "expert"] | None = None
    says: Written | None = None
    link: Written | None = None


class Dates(_Answer):
    """When the rule came out, and when it was revised."""

    version: Written
    status: Literal["draft", "active", "retired"] = Field(description="draft: not yet signed off by a second clinician")
    released: Day = Field(description="day of the first version")
    revised: Day = Field(description="day of the last revision or review of this version")
    review_by: Day = Field(description="day until which it must be reviewed again")


class Use(_Answer):
    """Whether the rule uses a kind of data, computed from every question that decides about it."""

    used: bool
    through: tuple[Written, ...] | None = Field(
        default=None, min_length=1, description="the questions through which it is used; left out where it is not"
    )


class SourceAttributes(_Answer):
    """Source attributes of one rule, in the order of the regulation."""

    bibliographic_citation: tuple[Citation, ...] = Field(min_length=1)
    developer: Written
    funding_source: Written = Field(description="funding of the technical implementation")
    release_and_revision_dates: Dates
    use_of_race: Use
    use_of_ethnicity: Use
    use_of_language: Use
    use_of_sexual_orientation: Use
    use_of_gender_identity: Use
    use_of_sex: Use
    use_of_date_of_birth: Use
    use_of_social_determinants_of_health: Use
    use_of_health_status_assessments: Use


def source_attributes(rule: LinkedRule, library: Library) -> SourceAttributes:
    """The attributes of a rule, from the library alone."""
    kept = rule.model.stewardship
    return SourceAttributes(
        bibliographic_citation=tuple(_citations(rule, library)),
        developer=f"{library.governance.developer}; for this rule: {kept.owner}",
        funding_source=str(library.governance.funding),
        release_and_revision_dates=Dates(
            version=kept.version,
            status=kept.status,
            released=str(kept.first_released),
            revised=str(kept.reviewed),
            review_by=str(kept.review_by),
        ),
        **{field_of(kind): Use(used=bool(titles), through=titles or None) for kind, titles in used_by(rule, library).items()},
    )


def field_of(kind: PersonalData) -> str:
    """The attribute that tells of a kind of data."""
    return f"use_of_{kind.replace('-', '_')}"


def in_words(attributes: SourceAttributes) -> list[tuple[str, str]]:
    """Every attribute as (name, text), for people."""
    told: list[tuple[str, str]] = []
    for name, _ in SourceAttributes.model_fields.items():
        value = getattr(attributes, name)
        told.append((name.replace("_", " ").capitalize(), _text(value)))
    return told


def _text(value: object) -> str:
    if isinstance(value, Use):
        return f"Yes, through: {'; '.join(value.through)}" if value.through else "No"
    if isinstance(value, Dates):
        days = f"released {value.released}, revised {value.revised}, review by {value.review_by}"
        return f"Version {value.version} ({value.status}), {days}"
    if isinstance(value, tuple):
        return ". ".join(_cited(item) for item in value if isinstance(item, Citation))
    return str(value)


def _cited(item: Citation) -> str:
    strength = f", {item.strength}" if item.strength else ""
    return f"{item.citation} ({item.verification}{strength})"


def _citations(rule: LinkedRule, library: Library) -> Iterator[Citation]:
    """Sources of the rule, then those of what it shares with others; each once, where it first counts."""
    seen: set[str] = set()
    for entry in rule.model.evidence:
        for source in sources(entry.source, library):
            if source.id not in seen:
                seen.add(source.id)
                yield _citation(source, "rule", entry.strength, str(entry.says) if entry.says else None)
    for entry in rule.model.evidence:
        for source in sources(entry.conflict, library):
            if source.id not in seen:
                seen.add(source.id)
                yield _citation(source, "choice between sources that disagree")
    for source in _shared(rule, library):
        if source.id not in seen:
            seen.add(source.id)
            yield _citation(source, "definitions and tables")


def _shared(rule: LinkedRule, library: Library) -> Iterator[Source]:
    for asked in needed(rule, library):
        yield from sources(asked.question.source, library)
    for table in tables(rule, library):
        for row in table.rows:
            yield from sources(row.source, library)


def _citation(source: Source, behind: str, strength: str | None = None, says: str | None = None) -> Citation:
    return Citation.model_validate(
        {
            "citation": source.citation,
            "behind": behind,
            "verification": source.state,
            "strength": strength,
            "says": says,
            "link": source.link or None,
        }
    )
