"""What redaction keeps of FHIR, read from `kept.yaml`, and the words that may stay."""

from __future__ import annotations

import re
from pathlib import Path

from mgcds.source import read

_KEPT = read(Path(__file__).with_name("kept.yaml"), shown_as="kept.yaml")


def _listed(name: str) -> frozenset[str]:
    return frozenset(str(_KEPT[name]).split())


STRUCTURE = _listed("structure")
DATES = _listed("dates")
WORDS = _listed("words")
ENUMERATED = _listed("enumerated")
NUMBERS = _listed("numbers")
FLAGS = _listed("flags")
REFERENCES = _listed("references")


def known_words(root: Path) -> frozenset[str]:
    """Every word in the terminology of the rule library in `root`: names of drugs, tests and conditions, forms, units."""
    files = [path for folder in ("concepts", "classes", "tables") for path in sorted((root / folder).rglob("*"))]
    texts = [path.read_text(encoding="utf-8") for path in files if path.suffix in (".csv", ".yaml")]
    return frozenset(word.lower() for text in texts for word in re.findall(r"[^\W\d_]+", text)) | _listed("dosing")
