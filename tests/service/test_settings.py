"""The environment: safe by itself, and every mistake is one clear line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from mgcds.settings import Settings, SettingsError, read_settings


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.upper().startswith("MGCDS_"):
            monkeypatch.delenv(name)


def test_by_itself_it_binds_to_loopback_and_finds_the_rules() -> None:
    settings = read_settings()
    assert (settings.host, settings.port, settings.timezone, settings.max_body) == ("127.0.0.1", 8000, "UTC", 5_242_880)
    assert settings.incomplete_card
    assert settings.data_dir is settings.product_table is None
    assert (settings.rules / "policy.yaml").is_file()
    assert settings.shown_url == "http://127.0.0.1:8000"


def test_it_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        read_settings().port = 1  # type: ignore[misc]


def test_the_environment_is_read_and_what_is_given_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "PORT": "8443",
        "PUBLIC_URL": "https://cds.example.org/",
        "TIMEZONE": "Europe/Berlin",
        "TODAY": "2026-06-15",
        "LOG_LEVEL": "warning",
        "INCOMPLETE_CARD": "false",
        "RULES": str(tmp_path),
        "ROOT_PATH": "/cds/",
        "DATA_DIR": str(tmp_path / "data"),
    }.items():
        monkeypatch.setenv(f"MGCDS_{name}", value)
    settings = read_settings(port=9000)
    assert (settings.port, settings.shown_url, settings.root_path) == (9000, "https://cds.example.org", "/cds")
    assert (settings.zone.key, settings.day(), settings.log_level) == ("Europe/Berlin", date(2026, 6, 15), "WARNING")
    assert (settings.incomplete_card, settings.rules) == (False, tmp_path)
    assert settings.product_table == tmp_path / "data/terminology"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MGCDS_TODAY", "")
    monkeypatch.setenv("MGCDS_PORT", "")
    assert read_settings() == Settings()


def test_variables_of_others_do_not_disturb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MGCDS_SERVICE_HOST", "10.0.0.1")  # a cluster sets such for a service of our name
    assert read_settings() == Settings()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "eight", "MGCDS_PORT: should be a valid integer"),
        ("PORT", "70000", "MGCDS_PORT: should be less than or equal to 65535"),
        ("TIMEZONE", "Middle/Earth", "MGCDS_TIMEZONE: 'Middle/Earth' is no time zone"),
        ("TIMEZONE", "../../etc/passwd", "is no time zone"),
        ("TODAY", "tomorrow", "MGCDS_TODAY: should be a valid date"),
        ("PUBLIC_URL", "cds.example.org", "MGCDS_PUBLIC_URL: write a whole address"),
        ("ROOT_PATH", "cds", "MGCDS_ROOT_PATH: start it with a slash"),
        ("AUTH", "maybe", "MGCDS_AUTH: should be 'required' or 'off'"),
        ("LOG_LEVEL", "LOUD", "MGCDS_LOG_LEVEL: should be"),
        ("MAX_BODY", "1", "MGCDS_MAX_BODY: should be greater"),
        ("HOST", "0.0.0.0", "name it in MGCDS_CLIENTS"),
        ("PSEUDONYM_KEY", "tooshort", "MGCDS_PSEUDONYM_KEY: at least 16 characters"),
        ("CLIENTS", "clients.yaml", "say in MGCDS_PUBLIC_URL"),
        ("AUTH", "required", "name it in MGCDS_CLIENTS"),
        ("DATABASE_URL", "mysql://x:secret@y/z", "MGCDS_DATABASE_URL: write the address of a PostgreSQL database"),
        ("DATABASE_URL", "postgresql://x:secret@y/z", "set MGCDS_PSEUDONYM_KEY"),
        ("RETENTION_DAYS", "0", "MGCDS_RETENTION_DAYS: should be greater"),
        ("RECORDS", "maybe", "MGCDS_RECORDS: should be 'on' or 'off'"),
        ("RECORDS", "on", "MGCDS_RECORDS: records need a place"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(f"MGCDS_{name}", value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_it_leaves_loopback_only_when_authentication_is_switched_off_on_purpose() -> None:
    assert read_settings(host="0.0.0.0", auth="off").host == "0.0.0.0"
    for host in ("localhost", "127.0.0.2", "::1"):
        assert read_settings(host=host).is_loopback


def test_callers_are_authenticated_wherever_others_can_reach_the_service_or_clients_are_named(tmp_path: Path) -> None:
    named = {"clients": tmp_path / "clients.yaml", "public_url": "https://cds.example.org"}
    assert not read_settings().authenticates
    assert read_settings(**named).authenticates
    assert read_settings(**named, host="0.0.0.0").authenticates
    assert not read_settings(**named, auth="off").authenticates
    assert not read_settings(host="0.0.0.0", auth="off").authenticates


def test_a_made_up_day_works_on_loopback_only() -> None:
    with pytest.raises(SettingsError, match="MGCDS_TODAY is for tests"):
        read_settings(today="2026-06-15", host="0.0.0.0", auth="off")


def test_the_secret_of_pseudonyms_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MGCDS_PSEUDONYM_KEY", "correct horse battery staple")
    settings = read_settings()
    assert settings.pseudonym_key is not None
    assert "horse" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_now_lies_on_the_made_up_day_in_the_sites_zone() -> None:
    settings = read_settings(today="2026-06-15", timezone="Asia/Tokyo")
    assert settings.now().date() == settings.day() == date(2026, 6, 15)
    assert settings.now().tzinfo == settings.zone
    assert read_settings().now().date() == read_settings().day()


def test_tokens_are_compared_with_the_real_time_whatever_day_is_made_up() -> None:
    assert read_settings(today="2020-01-01").instant().year > 2020
