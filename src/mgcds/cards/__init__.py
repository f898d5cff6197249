"""Findings to CDS Hooks cards."""

from mgcds.cards.respond import findings_on, respond

__all__ = ["findings_on", "respond"]
