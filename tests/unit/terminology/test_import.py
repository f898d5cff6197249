"""An RxNorm release becomes a site's own product table: what it says, what it refuses, and that it never half succeeds."""

from __future__ import annotations

import csv
import gzip
import json
import os
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from mgcds.language.load import load
from mgcds.source import SourceError
from mgcds.terminology import Coding, Medicine, Terminology
from mgcds.terminology.rxnorm import ReleaseError, Summary, import_release, writing
from mgcds.terminology.rxnorm.strength import table_strength
from mgcds.terminology.site import read_site
from mgcds.terminology.types import NDC, RXNORM
from tests.conftest import RULES
from tests.unit.terminology import releases as made
from tests.unit.terminology.releases import Release, small

Bring = Callable[[Release], Summary]


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "data/terminology"


@pytest.fixture
def bring(tmp_path: Path, to: Path, terminology: Terminology) -> Bring:
    """Imports a release."""

    def do(release: Release) -> Summary:
        shutil.rmtree(tmp_path / "release", ignore_errors=True)
        return import_release(release.write(tmp_path / "release"), to, terminology.drugs, lambda name, count: None)

    return do


def on_top(to: Path) -> Terminology:
    return Terminology.load(RULES, to)


def rx(terminology: Terminology, code: str, text: str = "") -> Medicine:
    return terminology.medicine([Coding(RXNORM, code)], text)


def parts(medicine: Medicine) -> list[tuple[str, Decimal | None, str, str]]:
    return [(part.name, part.strength, part.unit, part.per) for part in medicine.ingredients]


def refused(summary: Summary) -> dict[str, int]:
    return {reason: count for reason, count, _ in summary.refused}


# What a release says


def test_a_product_that_only_the_site_knows(bring: Bring, to: Path, terminology: Terminology) -> None:
    assert not rx(terminology, made.DRUG).is_resolved
    bring(small())
    medicine = rx(on_top(to), made.DRUG)
    assert parts(medicine) == [("omeprazole", Decimal(17), "mg", "unit")]
    assert (medicine.form, medicine.form_route, medicine.resolved_by) == ("Oral Capsule", "oral", "rxnorm-product")
    assert "proton-pump-inhibitors" in medicine.classes


def test_a_brand_is_the_same_product_as_its_clinical_drug(bring: Bring, to: Path) -> None:
    bring(small())
    site = on_top(to)
    assert rx(site, made.BRAND).key == rx(site, made.DRUG).key


def test_a_salt_counts_its_nutrient_by_the_librarys_fraction(bring: Bring, to: Path) -> None:
    bring(small())
    (oxide,) = rx(on_top(to), made.OXIDE).ingredients
    assert (oxide.strength, oxide.nutrient, oxide.basis) == (401, "magnesium", "salt")
    assert oxide.factor is not None


def test_ingredients_that_are_new_are_known_by_code_and_salts_lead_to_them(bring: Bring, to: Path) -> None:
    summary = bring(small())
    assert (summary.ingredients, summary.new_ingredients) == (4, 2)
    site = on_top(to)
    assert rx(site, made.NEW).name == rx(site, made.NEW_SALT).name == "examplol"
    assert parts(rx(site, made.BOTH)) == [
        ("examplol", Decimal("0.5"), "mg", "mL"), ("omeprazole", Decimal(17), "mg", "unit"),
    ]  # fmt: skip


def test_packs_hold_what_their_drugs_hold(bring: Bring, to: Path) -> None:
    bring(small())
    site = on_top(to)
    both = [("magnesium oxide", Decimal(401), "mg", "unit"), ("omeprazole", Decimal(17), "mg", "unit")]
    assert parts(rx(site, made.PACK)) == parts(rx(site, made.BRAND_PACK)) == both
    assert rx(site, made.PACK).form_route == "oral"
    assert rx(site, made.MIXED_PACK).form_route is None  # cream and tablets: no one route


def test_an_ndc_leads_to_the_product(bring: Bring, to: Path) -> None:
    bring(small())
    medicine = on_top(to).medicine([Coding(NDC, "99999-0001-01")], "")
    assert (medicine.name, medicine.resolved_by) == ("omeprazole", "ndc")


@pytest.mark.parametrize("code", [made.BRAND_NAME, made.FORM])
def test_a_brand_or_a_form_alone_takes_its_strength_from_the_words(bring: Bring, to: Path, code: str) -> None:
    bring(small())
    site = on_top(to)
    assert parts(rx(site, code)) == [("omeprazole", None, "mg", "")]
    assert parts(rx(site, code, "omeprazole 17 mg")) == [("omeprazole", Decimal(17), "mg", "unit")]
    assert "omeprazole" in rx(site, made.COMBINATION).classes


def test_a_product_with_strength_says_more_than_a_form_sent_beside_it(bring: Bring, to: Path) -> None:
    bring(small())
    codings = [Coding(RXNORM, made.FORM), Coding(RXNORM, made.DRUG)]
    assert parts(on_top(to).medicine(codings, "")) == [("omeprazole", Decimal(17), "mg", "unit")]


def test_the_sites_row_wins_for_the_same_code_and_the_rest_stays(bring: Bring, to: Path, terminology: Terminology) -> None:
    release = small()
    release.drug("198051", "omeprazole 17 MG Oral Capsule", made.CAPSULE, "9000201")
    summary = bring(release)
    assert summary.new_products == sum(count for _, count in summary.products) - 1
    assert parts(rx(terminology, "198051")) == [("omeprazole", Decimal(20), "mg", "unit")]
    assert parts(rx(on_top(to), "198051")) == [("omeprazole", Decimal(17), "mg", "unit")]
    assert rx(on_top(to), "199119") == rx(terminology, "199119")


def test_the_sites_ndc_wins_for_the_same_digits_and_the_rest_stays(bring: Bring, to: Path, terminology: Terminology) -> None:
    taken, kept = list(terminology.drugs.ndc)[:2]
    release = small()
    release.attribute(made.OXIDE, "NDC", taken)
    bring(release)
    assert on_top(to).drugs.ndc[taken] == made.OXIDE
    assert on_top(to).drugs.ndc[kept] == terminology.drugs.ndc[kept]


def test_the_librarys_name_wins_for_an_ingredient_that_it_knows(bring: Bring, to: Path) -> None:
    release = small()
    release.conso[0] = release.conso[0].replace("omeprazole", "renamed substance")
    bring(release)
    assert "proton-pump-inhibitors" in rx(on_top(to), made.DRUG).classes
    assert rx(on_top(to), made.OMEPRAZOLE).name == "omeprazole"


def test_an_ingredient_means_no_less_by_its_code_than_by_its_words(bring: Bring, to: Path, terminology: Terminology) -> None:
    release = small()
    for code, name in (("9000301", "magnesium bisglycinate"), ("9000302", "omeprazole exemplate")):
        release.concept(code, "IN", name)
        bring(release)
        by_words, by_code = terminology.medicine([], name), rx(on_top(to), code)
        assert by_code.classes == by_words.classes
        assert by_code.classes & {"magnesium", "proton-pump-inhibitors"}


def test_a_library_that_learns_a_code_later_names_the_sites_products(bring: Bring, to: Path, tmp_path: Path) -> None:
    bring(small())
    rules = Path(shutil.copytree(RULES, tmp_path / "rules"))
    with (rules / "tables/ingredients.csv").open("a", newline="") as file:
        csv.writer(file).writerow((made.NEW, "exampline", "IN", made.NEW))
    later = Terminology.load(rules, to)
    assert "exampline" in rx(later, made.BOTH).classes
    assert rx(later, made.NEW).name == "exampline"


def test_a_component_named_after_a_salt_that_the_library_counts_keeps_the_salts_name(bring: Bring, to: Path) -> None:
    release = small()
    release.concept("9000008", "IN", "magnesium cation")
    release.concept("9000009", "PIN", "magnesium carbonate")
    for code, name in (("9000204", "magnesium carbonate 64 MG"), ("9000205", "magnesium cation 64 MG")):
        release.component(code, name, "9000008", "64 MG")
        release.relation(code, "has_precise_ingredient", "9000009")
    bring(release)
    (salt,), (plain,) = (rx(on_top(to), code).ingredients for code in ("9000204", "9000205"))
    assert (salt.name, salt.nutrient, salt.basis) == ("magnesium carbonate", "magnesium", "salt")
    assert plain.name != "magnesium carbonate"


def test_a_salt_leads_to_its_ingredient_by_a_component_that_holds_both(bring: Bring, to: Path) -> None:
    release = small()
    release.rel = [line for line in release.rel if "form_of" not in line]
    bring(release)
    assert rx(on_top(to), made.NEW_SALT).name == "examplol"


@pytest.mark.parametrize(
    ("written", "in_table"),
    [
        ("20 MG", "20 mg/unit"),
        ("0.5 MG/ML", "0.5 mg/mL"),
        ("0.5 G/5 ML", "100 mg/mL"),
        ("1 G/L", "1 mg/mL"),
        ("90 MCG/ACTUAT", "0.09 mg/unit"),
        ("0.025 MG/HR", "0.025 mg/h"),
        ("10 MG/G", "0.01 mg/mg"),
        ("0.02 MEQ/ML", "0.02 mEq/mL"),
        ("100 UNT/ML", "100 unt/mL"),
        ("3 [PFU]/ML", "3 [pfu]/mL"),
        ("10 %", None),
        ("0 MG", None),
        ("1 MG/0 ML", None),
        ("5 MG / 10 MG", None),
        ("1:1000", None),
        ("", None),
    ],
)
def test_strengths_are_written_as_the_table_has_them(written: str, in_table: str | None) -> None:
    assert table_strength(written, of_salt=False) == in_table


def test_a_salt_is_counted_from_mass_and_charge_only() -> None:
    assert table_strength("4 MMOL", of_salt=True) is None
    assert table_strength("4 MEQ", of_salt=True) == "4 mEq/unit"


def test_a_strength_that_is_not_understood_is_left_open_and_counted(bring: Bring, to: Path) -> None:
    release = small()
    release.component("9000204", "omeprazole 3 %", made.OMEPRAZOLE, "3 %")
    release.drug("9000120", "omeprazole 3 % Oral Tablet", made.TABLET, "9000204")
    assert bring(release).strengths_not_read == 1
    assert parts(rx(on_top(to), "9000120")) == [("omeprazole", None, "mg", "")]


def test_the_products_own_strength_stands_in_for_its_only_components(bring: Bring, to: Path) -> None:
    release = small()
    release.component("9000204", "omeprazole 18 MG", made.OMEPRAZOLE, None)
    release.drug("9000120", "omeprazole 18 MG Oral Tablet", made.TABLET, "9000204")
    release.attribute("9000120", "RXN_AVAILABLE_STRENGTH", "18 MG")
    bring(release)
    assert parts(rx(on_top(to), "9000120")) == [("omeprazole", Decimal(18), "mg", "unit")]


# What is left out


def test_other_sources_suppressed_and_obsolete_concepts_are_left_out(bring: Bring, to: Path) -> None:
    release = small()
    for code, changes in (("9000121", {"sab": "MTHSPL"}), ("9000122", {"suppress": "O"}), ("9000123", {})):
        release.concept(code, "SCD", "omeprazole 17 MG Oral Tablet", **changes)
        release.relation(code, "consists_of", "9000201")
    release.attribute("9000123", "RXN_OBSOLETED", "20240101")
    release.attribute(made.DRUG, "RXN_OBSOLETED", "20240101", atom="an old name of it")
    release.attribute(made.OXIDE, "NDC", "99999000199", suppress="O")
    summary = bring(release)
    site = on_top(to)
    assert not any(rx(site, code).is_resolved for code in ("9000121", "9000122", "9000123"))
    assert rx(site, made.DRUG).is_resolved
    assert summary.ndc == 1
    assert refused(summary) == {"obsolete concepts": 1}


def test_a_product_with_an_unknown_component_is_left_out_whole(bring: Bring, to: Path) -> None:
    release = small()
    release.drug("9000121", "examplol 1 MG / omeprazole 17 MG Oral Tablet", made.TABLET, "9000201")  # one relation is lost
    release.concept("9000205", "SCDC", "examplol 1 MG", suppress="O")
    release.drug("9000122", "omeprazole 17 MG Oral Tablet", made.TABLET, "9000201", "9000205")
    release.concept("9000123", "GPCK", "{1 (omeprazole 17 MG Oral Capsule) / 1 (examplol 1 MG Oral Tablet) } Pack")
    release.relation("9000123", "contains", made.DRUG)
    release.relation("9000123", "contains", "9000122")
    release.concept("9000206", "SCDC", "something 1 MG")
    summary = bring(release)
    assert refused(summary) == {
        "SCD: it has fewer components than its name tells": 1,
        "SCD: a component is not in the release": 1,
        "GPCK: a component is not in the release": 1,
        "SCDC: a component has no ingredient": 1,
    }
    assert not rx(on_top(to), "9000121").is_resolved


def test_a_salt_that_leads_to_no_ingredient_stays_unknown_by_code(bring: Bring, to: Path) -> None:
    release = small()
    release.concept("9000003", "PIN", "omeprazole exemplate")
    assert refused(bring(release)) == {"PIN: it leads to no ingredient, or to several": 1}
    assert "proton-pump-inhibitors" in rx(on_top(to), "9000003", "omeprazole exemplate").classes


def test_lines_that_say_nothing_usable_are_counted_with_the_first_place(bring: Bring) -> None:
    release = small()
    release.attribute(made.OXIDE, "NDC", "12345")
    release.attribute(made.OXIDE, "NDC", "0000-00-0*")
    release.attribute("9000201", "NDC", "99999000301")
    release.attribute(made.TABLET, "NDC", "99999000302")
    release.attribute(made.OXIDE, "NDC", NDC := "99999000303")
    release.attribute(made.DRUG, "NDC", NDC)
    release.concept("x1", "SCD", "nothing")
    release.concept(made.NEW, "IN", "Examplol once more")
    release.concept("9000007", "IN", "a=b")
    release.relation(made.DRUG, "consists_of", "9999999")
    summary = bring(release)
    where = {reason: (count, first) for reason, count, first in summary.refused}
    assert where["NDC codes that are not 11 digits"] == (2, "RXNSAT.RRF:5")
    assert where["NDC codes of concepts that are not in the table"] == (1, "99999000302")
    assert where["NDC codes that lead to two products"][0] == 1
    assert where["concept codes that are no number"][1].startswith("RXNCONSO.RRF:")
    assert where["second names of a concept"][0] == where["names that are empty or hold '='"][0] == 1
    assert summary.dangling == 1
    assert summary.ndc == 2


# Files that are no release


def broken(path: Path, kind: str) -> None:
    lines = path.read_text().splitlines()
    texts: dict[str, bytes] = {
        "empty": b"",
        "blank": b"\n\n",
        "html": b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
        "zip": b"PK\x03\x04" + b"\0" * 30,
        "utf-16": "\n".join(lines).encode("utf-16"),
        "latin-1": "\n".join([*lines, lines[0].replace("|RXNORM|", "|RXNORM\u00e9|")]).encode("latin-1"),
        "cut": "\n".join(lines)[:-9].encode(),
        "umls": "\n".join(["C0000005" + lines[0][lines[0].index("|") :], *lines]).encode(),
    }
    path.write_bytes(texts[kind])


@pytest.mark.parametrize("name", ["RXNCONSO.RRF", "RXNREL.RRF", "RXNSAT.RRF"])
@pytest.mark.parametrize(
    ("kind", "place", "says"),
    [
        ("empty", 1, "the file is empty"),
        ("blank", 1, "the file is empty"),
        ("html", 1, "a web page"),
        ("zip", 1, "an archive; unpack it"),
        ("utf-16", 1, "UTF-16"),
        ("latin-1", 0, "not UTF-8"),
        ("cut", 0, "the file was cut or edited"),
        ("umls", 1, "of the UMLS; take RXN"),
    ],
)
def test_a_file_that_is_something_else_is_refused_with_its_line(
    tmp_path: Path, to: Path, terminology: Terminology, name: str, kind: str, place: int, says: str
) -> None:
    folder = small().write(tmp_path / "release")
    broken(folder / name, kind)
    line = place or len((folder / name).read_bytes().splitlines())
    with pytest.raises(ReleaseError) as caught:
        import_release(folder, to, terminology.drugs, lambda name, count: None)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{folder / name}:{line}: ")
    assert says in problem
    assert not to.exists()


def test_all_wrong_lines_up_to_five_are_named(tmp_path: Path, to: Path, terminology: Terminology) -> None:
    folder = small().write(tmp_path / "release")
    file = folder / "RXNREL.RRF"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], "a|b", lines[1], *(["c|d"] * 9)]))
    with pytest.raises(ReleaseError) as caught:
        import_release(folder, to, terminology.drugs, lambda name, count: None)
    assert [problem.split(": ")[0] for problem in caught.value.problems] == [f"{file}:{n}" for n in (2, 4, 5, 6, 7)]
    assert "1 columns, but RXNREL.RRF has 16" in caught.value.problems[0]


def test_files_under_each_others_names_are_told(tmp_path: Path, to: Path, terminology: Terminology) -> None:
    folder = small().write(tmp_path / "release")
    shutil.copy(folder / "RXNREL.RRF", folder / "RXNCONSO.RRF")
    with pytest.raises(ReleaseError, match=r"RXNCONSO\.RRF:1: 16 columns, .* RXNREL\.RRF has that many"):
        import_release(folder, to, terminology.drugs, lambda name, count: None)


def test_missing_files_are_all_named(tmp_path: Path, to: Path, terminology: Terminology) -> None:
    folder = small().write(tmp_path / "release/rrf").parent
    (folder / "rrf/RXNREL.RRF").unlink()
    (folder / "rrf/RXNSAT.RRF").unlink()
    with pytest.raises(ReleaseError) as caught:
        import_release(folder, to, terminology.drugs, lambda name, count: None)
    assert [Path(problem.split(": ")[0]).name for problem in caught.value.problems] == ["RXNREL.RRF", "RXNSAT.RRF"]
    for wrong, says in ((tmp_path / "nowhere", "no such folder"), (folder / "rrf/RXNCONSO.RRF", "this is a file")):
        with pytest.raises(ReleaseError, match=says):
            import_release(wrong, to, terminology.drugs, lambda name, count: None)
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed/release.zip").touch()
    with pytest.raises(ReleaseError, match="unpack that first"):
        import_release(tmp_path / "packed", to, terminology.drugs, lambda name, count: None)


def test_a_release_that_cannot_say_what_drugs_hold_is_refused(bring: Bring, to: Path) -> None:
    without_drugs, other, weak, loose = small(), small(), small(), small()
    without_drugs.conso = [line.replace("|SCD|", "|SY|") for line in without_drugs.conso]
    other.rel = [line.replace("9000", "8000") for line in other.rel]
    weak.sat = [line for line in weak.sat if "STRENGTH" not in line]
    loose.rel = [line for line in loose.rel if "ingredient" not in line and "has_part" not in line]
    for release, says in (
        (without_drugs, r"RXNCONSO\.RRF: holds no clinical drug \(TTY SCD"),
        (other, r"RXNREL\.RRF: no drug of RXNCONSO\.RRF has a component"),
        (weak, r"RXNSAT\.RRF: no component of RXNCONSO\.RRF has a strength"),
        (loose, r"RXNREL\.RRF: no drug of RXNCONSO\.RRF leads to its ingredients"),
    ):
        with pytest.raises(ReleaseError, match=says):
            bring(release)
    assert not to.exists()


def test_an_editors_marks_do_no_harm(tmp_path: Path, to: Path, terminology: Terminology) -> None:
    folder = small().write(tmp_path / "release")
    for file in folder.iterdir():
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    import_release(folder, to, terminology.drugs, lambda name, count: None)
    assert rx(on_top(to), made.DRUG).name == "omeprazole"
    assert "omeprazole" in on_top(to).medicine([Coding(RXNORM, made.OMEPRAZOLE)], "").classes


def test_progress_adds_up_to_the_size_of_the_files(tmp_path: Path, to: Path, terminology: Terminology) -> None:
    folder = small().write(tmp_path / "release")
    with (folder / "RXNSAT.RRF").open("a") as file:
        file.writelines(["9|||9|AUI|9|||LABELER|MTHSPL|" + "x" * 1000 + "|N||\n"] * 2500)
    seen: dict[str, list[int]] = {}
    import_release(folder, to, terminology.drugs, lambda name, count: seen.setdefault(name, []).append(count))
    assert {name: sum(counts) for name, counts in seen.items()} == {file.name: file.stat().st_size for file in folder.iterdir()}
    assert len(seen["RXNSAT.RRF"]) > 1


@pytest.mark.parametrize(
    ("folder", "extra", "day"),
    [
        ("RxNorm_full_prescribe_10062025/rrf", None, "2025-10-06"),
        ("RxNorm_full_10062025", None, "2025-10-06"),
        ("rxnorm/rrf", ("../Readme_Full_10062025.txt", ""), "2025-10-06"),
        ("rxnorm", ("RXNSAB.RRF", "C1|C2|RXNORM_20AA_251006F|RXNORM|RxNorm|RXNORM|20AA_251006F|"), "2025-10-06"),
        ("rxnorm-13452025", None, None),
        ("rxnorm", None, None),
    ],
)
def test_the_day_of_the_release(
    tmp_path: Path, to: Path, terminology: Terminology, folder: str, extra: tuple[str, str] | None, day: str | None
) -> None:
    place = small().write(tmp_path / folder)
    if extra is not None:
        (place / extra[0]).write_text(extra[1])
    summary = import_release(place, to, terminology.drugs, lambda name, count: None)
    site = read_site(to)
    assert site is not None
    assert summary.release == site.release == day


# The table of the site


def test_the_librarys_hash_follows_the_table_and_nothing_else(bring: Bring, to: Path) -> None:
    to.parent.mkdir()
    before = load(RULES, products=to).hash
    assert before == load(RULES).hash
    bring(small())
    first = load(RULES, products=to).hash
    bring(small())
    assert load(RULES, products=to).hash == first != before
    changed = small()
    changed.attribute(made.OXIDE, "NDC", "99999000102")
    bring(changed)
    assert load(RULES, products=to).hash not in (first, before)


def test_a_new_import_replaces_the_old_one_and_leaves_nothing_behind(bring: Bring, to: Path) -> None:
    bring(small())
    held = on_top(to)
    second = small()
    second.sat = [line for line in second.sat if "NDC" not in line]
    bring(second)
    assert [path.name for path in to.glob("tables-*")] == [json.loads((to / "release.json").read_text())["tables"]]
    assert not on_top(to).medicine([Coding(NDC, made.NDC_OF_DRUG)], "").is_resolved
    # A service that runs on goes on with what it started with, although it had not yet looked for an NDC.
    assert held.medicine([Coding(NDC, made.NDC_OF_DRUG)], "").is_resolved


@pytest.mark.parametrize("at", ["fsync", "replace", "read"])
def test_a_failed_import_leaves_the_old_table_untouched(
    bring: Bring, to: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    bring(small())
    before = {path: path.read_bytes() for path in to.rglob("*") if path.is_file()}

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    release = small()
    release.attribute(made.OXIDE, "NDC", "99999000102")
    if at == "read":
        release.rel.append("cut|off")
    else:
        monkeypatch.setattr(os, at, fail)
    with pytest.raises(ReleaseError, match="cut" if at == "read" else "No space left on device"):
        bring(release)
    assert {path: path.read_bytes() for path in to.rglob("*") if path.is_file()} == before


def test_an_interruption_after_the_exchange_keeps_the_new_table(
    bring: Bring, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def interrupted(*paths: Path) -> None:
        replace(*paths)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bring(small())
    assert rx(on_top(to), made.DRUG).is_resolved


def test_two_imports_at_once_do_not_mix(bring: Bring, to: Path) -> None:
    to.mkdir(parents=True)
    with writing._alone(to), pytest.raises(ReleaseError, match="another import is writing here"):
        bring(small())
    bring(small())
    assert rx(on_top(to), made.DRUG).is_resolved


def test_a_place_that_cannot_be_written(tmp_path: Path, terminology: Terminology) -> None:
    release = small().write(tmp_path / "release")
    (tmp_path / "file").touch()
    for to, says in ((tmp_path / "file", "name a folder"), (tmp_path / "file/below", "cannot be written")):
        with pytest.raises(ReleaseError, match=says):
            import_release(release, to, terminology.drugs, lambda name, count: None)


def test_before_the_first_import_there_is_no_table(to: Path) -> None:
    with pytest.raises(SourceError, match="correct MGCDS_DATA_DIR"):
        read_site(to)
    to.parent.mkdir()
    assert read_site(to) is None


def damage(to: Path, kind: str) -> None:
    tables = next(to.glob("tables-*"))
    manifest = to / "release.json"
    if kind == "changed":
        with (tables / "products.csv").open("a") as file:
            file.write("1,SCD,x,,x\n")
    elif kind == "table gone":
        (tables / "ndc.csv.gz").unlink()
    elif kind == "manifest gone":
        manifest.unlink()
    elif kind == "manifest cut":
        manifest.write_text(manifest.read_text()[:40])
    elif kind == "manifest no object":
        manifest.write_text("[]")
    else:
        manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("changed", "was changed after its import"),
        ("table gone", "cannot be read"),
        ("manifest gone", "is missing, but there are tables beside it"),
        ("manifest cut", "cannot be read"),
        ("manifest no object", "cannot be read"),
        ("other version", "another version of mgcds"),
    ],
)
def test_a_damaged_table_stops_the_start_and_a_new_import_mends_it(bring: Bring, to: Path, kind: str, says: str) -> None:
    bring(small())
    damage(to, kind)
    with pytest.raises(SourceError, match=f"{says}.*import the release again"):
        load(RULES, products=to)
    bring(small())
    assert rx(on_top(to), made.DRUG).is_resolved


def test_the_tables_have_the_shape_of_the_librarys(bring: Bring, to: Path) -> None:
    bring(small())
    tables = next(to.glob("tables-*"))
    for name in ("products.csv", "ingredients.csv"):
        assert (tables / name).read_text().splitlines()[0] == (RULES / "tables" / name).read_text().splitlines()[0]
    heads = [gzip.decompress((folder / "ndc.csv.gz").read_bytes()).splitlines()[0] for folder in (tables, RULES / "tables")]
    assert heads[0] == heads[1]
