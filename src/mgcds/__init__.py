"""mgcds: a CDS Hooks service for magnesium and other nutrient-drug problems."""

__version__ = "0.1.0"
