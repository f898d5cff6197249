"""Records every decision beside the calls: it delays no answer, and its failures cost no more than the record."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Any

import structlog

from mgcds.engine.evaluate import Evaluation
from mgcds.engine.remember import Override
from mgcds.service.decision import content_of
from mgcds.settings import Settings
from mgcds.store import Decision, Recorder
from mgcds.store.pseudonym import fingerprint, masked, pseudonym

log = structlog.get_logger(__name__)


class Recording:
    """Makes records of decisions and leaves them to the recorder."""

    def __init__(self, recorder: Recorder, key: bytes, settings: Settings) -> None:
        self.recorder = recorder
        self._key = key
        self._fingerprint = fingerprint(key)
        self._settings = settings

    def add(
        self,
        evaluation: Evaluation,
        answer: dict[str, Any],
        overrides: Sequence[Override],
        *,
        issuer: str,
        service: str,
        patient_id: str,
        body: bytes,
        seconds: float,
        fetched: Sequence[str] = (),
    ) -> None:
        """Records one decision; whatever goes wrong is logged, and the answer goes out.

        `fetched`: keys of what the client did not send, as they may be shown.
        """
        try:
            mask = partial(masked, self._key)
            content = content_of(evaluation, answer, overrides, zone=self._settings.timezone, mask=mask)
            content |= {"key": self._fingerprint, "ms": round(1000 * seconds, 1)}
            if fetched:
                content["fetched"] = list(fetched)
            self.recorder.add(
                Decision(
                    at=self._settings.now(),
                    issuer=issuer,
                    patient=pseudonym(self._key, issuer, patient_id),
                    service=service,
                    request=sha256(body).hexdigest(),
                    content=content,
                )
            )
        except Exception as error:  # noqa: BLE001 - a record that cannot be made must not cost a card
            self.recorder.dropped += 1
            log.error("decision not recorded", kind=type(error).__name__)
