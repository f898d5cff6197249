"""Findings to CDS Hooks cards."""

from mgcds.cards.respond import respond

__all__ = ["respond"]
