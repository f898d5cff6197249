"""Code systems by their canonical address, whatever way they were written."""

from __future__ import annotations

import re

from mgcds.terminology.types import ATC, ICD10CM, LOINC, NDC, RXNORM, SNOMED

_ALIASES = {
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "urn:oid:2.16.840.1.113883.6.90": ICD10CM,
    "urn:oid:2.16.840.1.113883.6.69": NDC,
    "urn:oid:2.16.840.1.113883.6.73": ATC,
    "http://www.whocc.no/atc": ATC,
    "https://www.whocc.no/atc": ATC,
    "http://hl7.org/fhir/sid/icd-10": ICD10CM,
    "http://hl7.org/fhir/icd-10-cm": ICD10CM,
    "http://www.icd10data.com/icd10pcs": "",
    "http://fdasis.nlm.nih.gov": "",
}
_PLAIN = {re.sub(r"^https?://", "", system): system for system in (RXNORM, LOINC, SNOMED, ICD10CM, NDC, ATC)}


def canonical_system(system: object) -> str:
    """The canonical address of a code system; an unknown one is returned as written, nothing as ""."""
    if not isinstance(system, str):
        return ""
    written = system.strip().rstrip("/")
    if written in _ALIASES:
        return _ALIASES[written]
    if re.fullmatch(r"[0-9.]+", written):
        return canonical_system(f"urn:oid:{written}")
    return _PLAIN.get(re.sub(r"^https?://", "", written.lower()), written)


def ndc11(code: str) -> str | None:
    """An NDC as 11 digits: 4-4-2, 5-3-2 and 5-4-1 with hyphens, or 11 digits as they are. Ten bare digits are ambiguous."""
    parts = code.strip().split("-")
    if len(parts) == 3 and all(part.isdigit() for part in parts):
        labeler, product, package = parts
        if len(labeler) <= 5 and len(product) <= 4 and len(package) <= 2:
            return labeler.zfill(5) + product.zfill(4) + package.zfill(2)
    return code.strip() if re.fullmatch(r"\d{11}", code.strip()) else None
