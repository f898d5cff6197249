"""The shape of the code: imports point down, knowledge stays in rules/, every module says what it is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from mgcds.check.hazards import read_hazards, unproven
from mgcds.language.find import VERBS
from mgcds.language.library import Library
from mgcds.settings import Settings
from tests.conftest import ROOT

SRC = ROOT / "src/mgcds"
MODULES = sorted(SRC.rglob("*.py"))
LAYERS = ("service", "check", "cards", "store", "engine", "language", "chart", "terminology")
MAY_IMPORT = {
    "terminology": set(),
    "chart": {"terminology"},
    "language": {"terminology"},
    "engine": {"language", "chart", "terminology"},
    "cards": {"engine", "language", "chart", "terminology"},
    "store": {"engine"},
    "check": {"cards", "engine", "language", "chart", "terminology"},
    "service": {"cards", "store", "engine", "language", "chart", "terminology"},
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_down(layer: str) -> None:
    for path in (SRC / layer).rglob("*.py"):
        others = {name.split(".")[1] for name in imported(path) if name.startswith("mgcds.")} & set(LAYERS)
        assert others - {layer} <= MAY_IMPORT[layer], f"{path.name} imports {others - MAY_IMPORT[layer] - {layer}}"


@pytest.mark.parametrize(
    ("library", "only"),
    [
        ("durable_rules_engine", "engine/durable.py"),
        ("yaml", "source.py"),
        ("fastapi", "service/"),
        ("typer", "cli/"),
        ("sqlalchemy", "store/"),
    ],
)
def test_a_library_with_quirks_is_imported_in_one_place(library: str, only: str) -> None:
    users = {path.relative_to(SRC).as_posix() for path in MODULES if any(n.split(".")[0] == library for n in imported(path))}
    assert users
    assert all(user.startswith(only) for user in users), users


def test_src_holds_no_medicine(library: Library) -> None:
    """No drug, code, threshold word or clinical sentence: adding a rule touches rules/ only."""
    drugs = {name for name in library.terminology.drugs.ingredient_of.values() if len(name) > 5 and " " not in name}
    codes = {coding.code for concept in library.terminology.concepts.values() for coding in concept.codes}
    for path in MODULES:
        code = ast.parse(path.read_text(encoding="utf-8"))
        docs = {id(node.body[0].value) for node in ast.walk(code)
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                and node.body and isinstance(node.body[0], ast.Expr)}  # fmt: skip
        texts = [node.value for node in ast.walk(code)
                 if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs]  # fmt: skip
        words = {word for text in texts for word in re.findall(r"[a-z0-9-]+", text.lower())}
        assert not words & (drugs | codes), f"{path.name}: {words & (drugs | codes)}"


def test_nothing_reads_the_clock_but_settings() -> None:
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        if path.name not in ("settings.py", "logs.py"):  # logs are stamped, nothing is decided
            assert not re.search(r"date\.today\(|datetime\.now\(|utcnow\(", text), path.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SRC).as_posix())
def test_every_module_says_what_it_is(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert path.name == "__init__.py" or len(docstring.splitlines()[0]) > 20


def test_no_module_is_called_utils() -> None:
    assert not {path.stem for path in MODULES} & {"utils", "util", "helpers", "helper", "common", "misc"}


def test_every_verb_and_setting_is_documented() -> None:
    language = (ROOT / "docs/reference/language.md").read_text(encoding="utf-8")
    assert all(f"### `{verb}`" in language for verb in VERBS)
    documented = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(MGCDS_\w+)` \|", documented, re.MULTILINE))
    assert told >= {f"MGCDS_{name.upper()}" for name in Settings.model_fields}
    named = {name for file in MODULES for name in re.findall(r"\bMGCDS_[A-Z_]+[A-Z]\b", file.read_text(encoding="utf-8"))}
    assert "MGCDS_SECRETS_DIR" in named  # read outside of Settings, and documented all the same
    assert named <= told


def test_generated_documents_are_up_to_date() -> None:
    from docs.generate import documents

    for name, text in documents().items():
        assert (ROOT / "docs/reference" / name).read_text(encoding="utf-8") == text, f"docs/reference/{name}: run make docs"


def test_the_index_of_decisions_has_every_page_and_every_number() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    pages = sorted(folder.glob("0*.md"))
    titles = {page.name: page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ") for page in pages}
    assert all(f"- [{name[:4]}]({name}): {title}\n" in index for name, title in titles.items())
    numbers = re.findall(r"^- \[?(\d{4})", index, re.MULTILINE)
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert len(numbers) == len(pages) + index.count("this number was never used")


def test_every_control_of_the_hazard_log_is_shown_by_a_test_that_exists() -> None:
    hazards = read_hazards(ROOT / "docs/hazards.yaml")
    assert [str(problem) for problem in unproven(hazards, ROOT)] == []
    assert [str(hazard.id) for hazard in hazards] == [f"H-{number:02d}" for number in range(1, len(hazards) + 1)]
