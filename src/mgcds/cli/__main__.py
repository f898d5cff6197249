"""Lets `python -m mgcds.cli` do what `mgcds` does."""

from mgcds.cli import main

main()
