"""Finds known phrases in the words of a record: whole words, longest first, and not where they are negated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# Characters of one concept, its text and the displays of its codes together. The longest real ones that we met have 400.
# What is longer is no name, and reading it would hold up everybody else: names and amounts are compared with each other.
MOST_WORDS = 2_000
# Half a gram may be written 0,5 g: as two numbers it would be 5 g. 1,000 is a thousand.
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d{1,2}(?!\d))|(?<=\b0),(?=\d)")
# 1'000 and 1 000 are a thousand too. 1 500 may be two numbers, and stays so.
_THOUSANDS = re.compile(r"(?<=\d)(?:['\u2019](?=\d{3}(?!\d))|\s(?=000(?!\d)))")
_CLAUSE = re.compile(r"[;/.\n]| - ")


def plain_words(text: str) -> str:
    """Lower case, one kind of apostrophe and dash, no brackets, commas or underscores, single spaces."""
    text = text.lower().replace("\u2019", "'").replace("\u2010", "-").replace("\u2011", "-").replace("\u2013", "-")
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)  # 1,000 is one number
    return re.sub(r"\s+", " ", re.sub(r"[(),\[\]_]", " ", text)).strip()


def drug_words(text: str) -> str:
    """As `plain_words`, with hyphens as spaces, since drugs are written both ways, and brackets as the pauses they are."""
    text = _DECIMAL_COMMA.sub(".", _THOUSANDS.sub("", re.sub(r"[()\[\]]", " ; ", text)))
    return re.sub(r"\s+", " ", plain_words(text).replace("-", " ")).strip(" ;")


def any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    """A pattern for whichever phrase is longest, as whole words; one that never matches if there are none."""
    choices = "|".join(re.escape(phrase) for phrase in sorted(phrases, key=lambda phrase: (-len(phrase), phrase)))
    return re.compile(rf"(?<!\w)(?:{choices})(?!\w)" if choices else r"(?!)")


@dataclass(frozen=True, slots=True)
class Phrases:
    """What phrases mean, and the words around them that say they do not hold."""

    meanings: Mapping[str, frozenset[str]]
    pattern: re.Pattern[str]
    before: re.Pattern[str]
    after: re.Pattern[str]

    @classmethod
    def of_words(cls, meanings: Mapping[str, frozenset[str]], negations: Iterable[tuple[str, str]]) -> Phrases:
        """From each phrase to its meanings, and negations as (phrase, before or after)."""
        negating = list(negations)
        return cls(
            meanings,
            any_of(meanings),
            any_of(phrase for phrase, where in negating if where == "before"),
            any_of(phrase for phrase, where in negating if where == "after"),
        )

    def of(self, *texts: str) -> set[str]:
        """The meanings of every phrase in some texts, clause by clause; overlapping phrases count once, the longest."""
        found: set[str] = set()
        for clause in (plain_words(part) for text in texts for part in _CLAUSE.split(text)):
            for match in self.pattern.finditer(clause):
                if not self.before.search(clause, 0, match.start()) and not self.after.search(clause, match.end()):
                    found |= self.meanings[match[0]]
        return found
