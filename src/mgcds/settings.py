"""The environment as one frozen object. Read once, at the edge, and handed in."""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_HERE = Path(__file__).parent
PACKAGED_RULES = _HERE / "rules"
CHECKOUT_RULES = _HERE.parent.parent / "rules"
PREFIX = "MGCDS_"
SHORTEST_KEY = 16
SECRETS = "MGCDS_SECRETS_DIR"  # a folder of files named like the variables, in small letters: mgcds_pseudonym_key


class SettingsError(Exception):
    """The environment is wrong; the message says in one line what to change."""


class Settings(BaseSettings):
    """Settings of the service, each an environment variable MGCDS_<NAME>; an empty one counts as not set."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    host: str = Field(default="127.0.0.1", description="address to bind; loopback unless told otherwise")
    port: int = Field(default=8000, ge=0, le=65535, description="port to bind; 0 takes a free one")
    rules: Path = Field(
        default=CHECKOUT_RULES if (CHECKOUT_RULES / "policy.yaml").is_file() else PACKAGED_RULES,
        description="the rule library: a folder with policy.yaml in it",
    )
    site: Path | None = Field(default=None, description="the site file: what this site changes in the rules, and why")
    public_url: str = Field(
        default="", description="address under which EHRs and clinicians reach this service; tokens are made out to it"
    )
    root_path: str = Field(default="", description="path below which a proxy serves us, like /cds")
    data_dir: Path | None = Field(
        default=None,
        description="folder of the database and of the site's product table; without one, overrides are remembered until "
        "the process ends",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="address of a PostgreSQL database that holds what else would be in the data folder, like "
        "postgresql://user:password@host/database; several hosts share one, under one MGCDS_PSEUDONYM_KEY",
    )
    records: Literal["on", "off"] | None = Field(
        default=None,
        description="on or off: whether each evaluation is recorded without names; unset, it is where there is a data folder "
        "or a database",
    )
    retention_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="rows older than this are deleted, at start and every hour; cards and feedback not before the last "
        "override is forgotten; unset, nothing is deleted",
    )
    timezone: str = Field(default="UTC", description="the zone in which calendar days are counted")
    today: date | None = Field(default=None, description="for tests only: refused unless bound to loopback")
    clients: Path | None = Field(
        default=None, description="the clients file: which EHRs may call, and how their tokens are verified"
    )
    auth: Literal["required", "off"] | None = Field(
        default=None, description="required or off; unset, callers are authenticated unless bound to loopback without clients"
    )
    fetch_deadline_ms: int = Field(
        default=500,
        ge=0,
        le=60_000,
        description="longest wait for data that a request does not bring, in milliseconds; 0 fetches nothing",
    )
    max_body: int = Field(default=5_242_880, ge=1024, description="largest request in bytes")
    body_seconds: float = Field(default=10.0, gt=0, le=600, description="how long the body of a request may take to come")
    concurrency: int = Field(
        default=128, ge=1, description="calls that a worker takes at once; of these one is evaluated and the others wait"
    )
    rate_per_second: float = Field(
        default=500.0,
        ge=0,
        description="calls a second a worker takes from one issuer, twice as many at once; 0: no limit",
    )
    cors_origins: str = Field(
        default="", description="origins that may call from a browser, with commas between them; empty: none, and never all"
    )
    dialect: Literal["spec", "epic", "oracle", "athena"] = Field(
        default="spec", description="which EHR calls where callers are not authenticated; else the clients file says it"
    )
    audit_file: Path | None = Field(default=None, description="file that gets a FHIR AuditEvent for every call; unset, none")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="least level logged")
    incomplete_card: bool = Field(default=True, description="whether a card says that a check was incomplete")
    pseudonym_key: SecretStr | None = Field(
        default=None,
        description="secret from which patients' pseudonyms are made, at least 16 characters; "
        "without one, a key is made in the data folder",
    )

    metrics: Literal["on", "off"] | None = Field(
        default=None,
        description="whether /metrics answers; unset, it does where MGCDS_METRICS_TOKEN is set or only this machine can ask",
    )
    metrics_token: SecretStr | None = Field(
        default=None, description="secret that /metrics asks for (Authorization: Bearer), at least 16 characters"
    )
    drain_seconds: float = Field(
        default=1, ge=0, le=300, description="after SIGTERM: how long requests are still taken while /readyz says 503"
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"'{value}' is no time zone; write it like Europe/Berlin") from None
        return value

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("write a whole address, like https://cds.example.org")
        return value.rstrip("/")

    @field_validator("cors_origins")
    @classmethod
    def _named_origins(cls, value: str) -> str:
        for origin in filter(None, map(str.strip, value.split(","))):
            if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:\d{1,5})?", origin):
                raise ValueError("name each origin like https://ehr.example.org, without a path; a * is not allowed")
        return value

    @field_validator("root_path")
    @classmethod
    def _rooted(cls, value: str) -> str:
        if value and not value.startswith("/"):
            raise ValueError("start it with a slash, like /cds")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _of_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith("postgresql://"):
            raise ValueError("write the address of a PostgreSQL database, like postgresql://user:password@host/database")
        return value

    @field_validator("pseudonym_key", "metrics_token")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SHORTEST_KEY:
            raise ValueError(f"at least {SHORTEST_KEY} characters, or it could be guessed")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _safe(self) -> Settings:
        if self.today is not None and not self.is_loopback:
            raise ValueError("MGCDS_TODAY is for tests and works on loopback only; unset it or bind to 127.0.0.1")
        if self.authenticates and self.clients is None:
            raise ValueError(
                "callers must be authenticated, and no file says who they are: name it in MGCDS_CLIENTS, "
                "or set MGCDS_AUTH=off if anybody who reaches this address may really ask"
            )
        if self.authenticates and not self.public_url:
            raise ValueError("tokens are made out to one address: say in MGCDS_PUBLIC_URL under which EHRs call this service")
        if self.authenticates and self.is_plain_http:
            raise ValueError("tokens and patients' data need TLS on the way: MGCDS_PUBLIC_URL starts with https://")
        if self.database_url is not None and self.pseudonym_key is None and self.data_dir is None:
            raise ValueError(
                "MGCDS_DATABASE_URL: pseudonyms need a key that lasts as long as the database; set MGCDS_PSEUDONYM_KEY"
            )
        if self.records == "on" and not self.keeps_data:
            raise ValueError("MGCDS_RECORDS: records need a place; set MGCDS_DATA_DIR or MGCDS_DATABASE_URL")
        return self

    @property
    def is_plain_http(self) -> bool:
        """Whether EHRs call under an address without TLS that is not this machine."""
        parts = urlsplit(self.public_url)
        return parts.scheme == "http" and not _is_loopback(parts.hostname or "")

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of `cors_origins`, written as browsers write them."""
        return tuple(sorted({origin.strip().lower() for origin in self.cors_origins.split(",") if origin.strip()}))

    @property
    def keeps_data(self) -> bool:
        """Whether what is stored outlives this process."""
        return self.data_dir is not None or self.database_url is not None

    @property
    def keeps_records(self) -> bool:
        """Whether decisions are recorded."""
        return self.records == "on" or (self.records is None and self.keeps_data)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return _is_loopback(self.host)

    @property
    def authenticates(self) -> bool:
        """Whether a caller must show a token: wherever others can reach the service, and wherever clients are named."""
        return self.auth == "required" or (self.auth is None and (self.clients is not None or not self.is_loopback))

    @property
    def tells_metrics(self) -> bool:
        """Whether /metrics answers (with a token, where one is set)."""
        return self.metrics == "on" or (self.metrics is None and (self.metrics_token is not None or self.is_loopback))

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone, in which calendar days are counted."""
        return ZoneInfo(self.timezone)

    def now(self) -> datetime:
        """This moment in the site's zone, on the day of MGCDS_TODAY: the only place where the clock is read for a decision."""
        now = datetime.now(UTC).astimezone(self.zone)
        return datetime.combine(self.today, now.time(), self.zone) if self.today else now

    def instant(self) -> datetime:
        """This moment, whatever day MGCDS_TODAY makes up: what tokens are compared with."""
        return datetime.now(UTC)

    def day(self) -> date:
        """Today in the site's zone."""
        return self.now().date()

    @property
    def product_table(self) -> Path | None:
        """Where the site's own product table is, or would be."""
        return None if self.data_dir is None else self.data_dir / "terminology"

    @property
    def shown_url(self) -> str:
        """The public address, or the loopback one where none is set."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}{self.root_path}"


def read_settings(**given: object) -> Settings:
    """Settings from the environment; options that are given win. Raises SettingsError with one clear line."""
    secrets = os.environ.get(SECRETS)
    if secrets:
        if not Path(secrets).is_dir():
            raise SettingsError(f"{SECRETS}: there is no such folder; name the one that holds a file for each secret")
        given = given | {"_secrets_dir": secrets}
    try:
        return Settings(**{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("; ".join(_line(str(e["msg"]), "_".join(map(str, e["loc"]))) for e in error.errors())) from None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _line(message: str, name: str) -> str:
    text = message.removeprefix("Value error, ").replace("Input should be", "should be")
    return f"{PREFIX}{name.upper()}: {text}" if name else text
