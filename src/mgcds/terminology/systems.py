"""Code systems by their canonical address, whatever way they were written."""

from __future__ import annotations

import re
from functools import lru_cache

from mgcds.terminology.types import ATC, ICD10CM, LOINC, NDC, RXNORM, SNOMED

ROUTES = "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration"

_ALIASES = {
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "urn:oid:2.16.840.1.113883.6.90": ICD10CM,
    "urn:oid:2.16.840.1.113883.6.3": ICD10CM,
    "urn:oid:2.16.840.1.113883.6.69": NDC,
    "urn:oid:2.16.840.1.113883.6.73": ATC,
    "urn:oid:2.16.840.1.113883.5.112": ROUTES,
    "urn:iso:std:iso:11238": "",
    "http://hl7.org/fhir/sid/icd-10": ICD10CM,
    "http://hl7.org/fhir/sid/icd-10-us": ICD10CM,
    "http://hl7.org/fhir/icd-10-cm": ICD10CM,
    "http://hl7.org/fhir/v3/routeofadministration": ROUTES,
    "http://hl7.org/fhir/ndc": NDC,
    "http://www.icd10data.com/icd10pcs": "",
    "http://fdasis.nlm.nih.gov": "",
}
SYSTEMS = (RXNORM, LOINC, SNOMED, ICD10CM, NDC, ATC, ROUTES)
_PLAIN = {re.sub(r"^https?://", "", written).lower(): system
          for written, system in (*((each, each) for each in SYSTEMS), *_ALIASES.items())}  # fmt: skip


def canonical_system(system: object) -> str:
    """The canonical address of a code system; an unknown one is returned as written, nothing as ""."""
    return _canonical(system) if isinstance(system, str) else ""


@lru_cache(1024)
def _canonical(system: str) -> str:
    written = system.strip().rstrip("/")
    if re.fullmatch(r"[0-9.]+", written):
        written = f"urn:oid:{written}"
    plain = re.sub(r"^https?://", "", written.lower())
    if plain.startswith("snomed.info/sct/"):  # an edition or a version of it
        return SNOMED
    return _PLAIN.get(plain.split("|")[0], written)


def oid_of(system: str) -> str:
    """The address of a system as an OID ("urn:oid:..."); "" where we know none."""
    oids = (alias for alias, meant in _ALIASES.items() if meant and meant == system and alias.startswith("urn:oid:"))
    return next(oids, "")


def tidy_code(system: str, code: str) -> str:
    """A code as its system writes it: an ICD-10 code in capitals and with its dot; others without stray spaces."""
    code = code.strip()
    if system == ICD10CM:
        code = code.upper().replace(".", "").rstrip("-")
        return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code
    return code


def ndc_readings(code: str) -> tuple[str, ...]:
    """An NDC as 11 digits. With hyphens it has one reading, in ten bare digits three (4-4-2, 5-3-2, 5-4-1)."""
    parts = code.strip().split("-")
    if len(parts) == 3 and all(re.fullmatch(r"[0-9]+", part) for part in parts):
        labeler, product, package = parts
        if len(labeler) <= 5 and len(product) <= 4 and len(package) <= 2:
            return (labeler.zfill(5) + product.zfill(4) + package.zfill(2),)
    digits = parts[0]
    if len(parts) > 1 or not re.fullmatch(r"[0-9]{10,11}", digits):
        return ()
    return (digits,) if len(digits) == 11 else tuple(digits[:at] + "0" + digits[at:] for at in (0, 5, 9))
