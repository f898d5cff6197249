"""Reads a release of RxNorm and writes a site's own product table of it."""

from __future__ import annotations

from mgcds.terminology.rxnorm.files import ReleaseError
from mgcds.terminology.rxnorm.importing import Summary, import_release

__all__ = ["ReleaseError", "Summary", "import_release"]
