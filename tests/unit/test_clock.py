"""Days, moments, ages and times of day as they are written and reckoned."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from mgcds.clock import (
    completed_months,
    completed_years,
    days_before,
    forward,
    on,
    parse_instant,
    parse_moment,
    parse_time_of_day,
)

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("written", "first", "last", "text"),
    [
        ("2026", "2026-01-01", "2026-12-31", "2026"),
        ("2026-02", "2026-02-01", "2026-02-28", "2026-02"),
        ("2024-02", "2024-02-01", "2024-02-29", "2024-02"),
        ("2026-12", "2026-12-01", "2026-12-31", "2026-12"),
        (" 2026-06-15 ", "2026-06-15", "2026-06-15", "2026-06-15"),
    ],
)
def test_a_partial_date_spans_all_days_it_may_be(written: str, first: str, last: str, text: str) -> None:
    moment = parse_moment(written)
    assert moment is not None
    assert (moment.first.isoformat(), moment.last.isoformat(), moment.text, moment.instant) == (first, last, text, -1)


@pytest.mark.parametrize(
    ("written", "day", "instant"),
    [
        ("2026-06-15T02:00:00Z", "2026-06-14", "2026-06-15T02:00:00+00:00"),
        ("2026-06-15T02:00:30.5+02:00", "2026-06-14", "2026-06-15T00:00:30+00:00"),
        ("2026-06-15T02:00-0400", "2026-06-15", "2026-06-15T06:00:00+00:00"),
        # Without an offset it is the time on the clock of the site.
        ("2026-06-15T23:30:10", "2026-06-15", "2026-06-16T03:30:10+00:00"),
        ("2026-01-15T23:30", "2026-01-15", "2026-01-16T04:30:00+00:00"),
    ],
)
def test_a_time_falls_on_the_day_that_it_is_at_the_site(written: str, day: str, instant: str) -> None:
    moment = parse_moment(written, NEW_YORK)
    assert moment is not None
    assert (moment.text, moment.instant) == (day, datetime.fromisoformat(instant).timestamp())


@pytest.mark.parametrize(
    "written",
    ["", "yesterday", "26-06-15", "2026-13", "2026-02-30", "2026-06-15T25:00", "2026-06-15 08:00", "9999-12-31T23:00:00-09:00",
     "0000", " " * 100 + "2026", None, 2026, ["2026"]],
)  # fmt: skip
def test_what_is_no_date_is_not_guessed(written: object) -> None:
    assert parse_moment(written) is None


def test_the_age_of_a_partial_date_is_reckoned_from_both_its_ends() -> None:
    moment = parse_moment("2026-05")
    assert moment is not None
    assert moment.most_days_before(date(2026, 6, 15)) == 45
    assert moment.fewest_days_before(date(2026, 6, 15)) == 15
    assert on(date(2026, 6, 15)).most_days_before(date(2026, 6, 15)) == 0
    assert days_before(date(2026, 6, 15), 45) == moment.first


@pytest.mark.parametrize(
    ("born", "today", "years", "months"),
    [
        ("2000-06-15", "2026-06-14", 25, 311),
        ("2000-06-15", "2026-06-15", 26, 312),
        ("2000-06-15", "2026-05-15", 25, 311),
        ("2000-06-15", "2026-12-15", 26, 318),
        ("2024-02-29", "2026-02-28", 1, 23),
        ("2024-02-29", "2026-03-01", 2, 24),
        ("2026-01-31", "2026-02-28", 0, 0),
        ("2026-01-31", "2026-03-01", 0, 1),
        ("2026-06-15", "2026-06-15", 0, 0),
    ],
)
def test_years_and_months_count_once_they_are_completed(born: str, today: str, years: int, months: int) -> None:
    days = date.fromisoformat(born), date.fromisoformat(today)
    assert (completed_years(*days), completed_months(*days)) == (years, months)


@pytest.mark.parametrize(
    ("written", "minutes"),
    [("00:00", 0), ("7:30", 450), ("07:30:59", 450), (" 07:30:00.000 ", 450), ("23:59", 1439), ("24:00", None), ("12:60", None),
     ("noon", None), ("12", None), (None, None), (730, None)],
)  # fmt: skip
def test_a_time_of_day_is_read_or_not_known(written: object, minutes: int | None) -> None:
    assert parse_time_of_day(written) == minutes


@pytest.mark.parametrize(("start", "end", "minutes"), [(480, 600, 120), (1380, 60, 120), (60, 1380, 1320), (480, 480, 0)])
def test_the_way_from_one_time_to_another_goes_past_midnight(start: int, end: int, minutes: int) -> None:
    assert forward(start, end) == minutes


@pytest.mark.parametrize(
    ("written", "second", "micro"),
    [("2026-06-15T08:00:05Z", 5, 0), ("2026-06-15t10:00:05.25+02:00", 5, 250_000), ("2026-06-15 08:00:05.1234567z", 5, 123_456),
     ("2026-06-15T08:00:60Z", 59, 0)],
)  # fmt: skip
def test_an_instant_is_read_to_the_microsecond_and_a_leap_second_is_the_one_before(
    written: str, second: int, micro: int
) -> None:
    assert parse_instant(written) == datetime(2026, 6, 15, 8, 0, second, micro, tzinfo=UTC)


@pytest.mark.parametrize("written", ["2026-06-15", "2026-06-15T08:00:05", "2026-06-15T08:00Z", "2026-02-30T08:00:05Z",
                                     "0001-01-01T00:00:00+09:00", None, 5])  # fmt: skip
def test_what_is_no_instant_is_not_guessed(written: object) -> None:
    assert parse_instant(written) is None
