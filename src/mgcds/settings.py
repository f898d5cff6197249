"""The environment as one frozen object. Read once, at the edge, and handed in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_HERE = Path(__file__).parent
PACKAGED_RULES = _HERE / "rules"
CHECKOUT_RULES = _HERE.parent.parent / "rules"


class SettingsError(Exception):
    """The environment is wrong; the message says what to change."""


class Settings(BaseSettings):
    """Settings of the service, each an environment variable MGCDS_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="MGCDS_", frozen=True, extra="ignore")

    host: str = Field(default="127.0.0.1", description="address to bind; loopback unless told otherwise")
    port: int = Field(default=8000, ge=0, le=65535)
    rules: Path = Field(default=CHECKOUT_RULES if CHECKOUT_RULES.is_dir() else PACKAGED_RULES)
    public_url: str = Field(default="", description="address under which clinicians reach the rule pages")
    root_path: str = ""
    timezone: str = "UTC"
    today: date | None = Field(default=None, description="for tests only: refused unless bound to loopback")
    auth: Literal["required", "off"] = "required"
    max_body: int = Field(default=5_242_880, ge=1024)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    incomplete_card: bool = True

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"'{value}' is no time zone; write it like Europe/Berlin") from None
        return value

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("write a whole address, like https://cds.example.org")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _safe(self) -> Settings:
        if self.today is not None and not self.is_loopback:
            raise ValueError("MGCDS_TODAY is for tests and works on loopback only; unset it or bind to 127.0.0.1")
        if self.auth == "required" and not self.is_loopback:
            raise ValueError(
                f"this version cannot authenticate callers, so it does not bind to {self.host}; "
                "bind to 127.0.0.1 behind a proxy that authenticates, or set MGCDS_AUTH=off if that is really meant"
            )
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone, in which calendar days are counted."""
        return ZoneInfo(self.timezone)

    def day(self) -> date:
        """Today in the site's zone: the only place where the clock is read for a decision."""
        return self.today or datetime.now(UTC).astimezone(self.zone).date()

    @property
    def shown_url(self) -> str:
        """The public address, or the loopback one where none is set."""
        return self.public_url or f"http://{self.host}:{self.port}{self.root_path}"


def read_settings(**given: object) -> Settings:
    """Settings from the environment; options that are given win. Raises SettingsError with one clear line."""
    try:
        return Settings(**{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        message = str(first["msg"]).removeprefix("Value error, ")
        raise SettingsError(f"MGCDS_{name}: {message}" if name else message) from None
