"""Rule pages (being built)."""
from fastapi import FastAPI
from mgcds.language.library import Library
def add_pages(app: FastAPI, library: Library, root: str) -> None: ...
