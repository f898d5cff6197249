"""The service reads the site's product table when it starts."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

from mgcds.language.load import load
from mgcds.terminology import Terminology
from mgcds.terminology.rxnorm import import_release
from tests.conftest import RULES
from tests.service.conftest import FIXTURES
from tests.service.test_run import ENVIRONMENT, command, refused, wait_for
from tests.unit.terminology import releases as made


def test_it_answers_with_the_table_of_the_site(tmp_path: Path, terminology: Terminology) -> None:
    to = tmp_path / "data/terminology"
    import_release(made.small().write(tmp_path / "release"), to, terminology.drugs, lambda name, count: None)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = ENVIRONMENT | {"MGCDS_DATA_DIR": str(to.parent), "MGCDS_TODAY": "2026-06-15", "MGCDS_RULES": str(RULES)}
    process = subprocess.Popen(command("--port", str(port)), env=environment, stderr=subprocess.PIPE, text=True)
    try:
        ready = wait_for(f"http://127.0.0.1:{port}/readyz")
        request = json.loads((FIXTURES / "requests/01-nothing-to-say.json").read_text())
        coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": made.DRUG}
        request["prefetch"]["medications"] = {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": [{"resource": {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
                                    "subject": {"reference": f"Patient/{request['context']['patientId']}"},
                                    "authoredOn": "2026-01-01", "medicationCodeableConcept": {"coding": [coding]}}}],
        }  # fmt: skip
        call = urllib.request.Request(
            f"http://127.0.0.1:{port}/cds-services/mgcds-{request['hook']}",
            data=json.dumps(request).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(call, timeout=60) as answer:
            evaluation = json.load(answer)["extension"]["org.mgcds.evaluation"]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert ready["library"] == evaluation["library"] == load(RULES, products=to).hash != load(RULES).hash
    assert "medication-unresolved" not in {note["code"] for note in evaluation.get("notes", [])}
    started = next(json.loads(line) for line in errors.splitlines() if '"starting"' in line)
    assert started["product_table"] == "no day told"


def test_a_data_folder_that_is_not_there_stops_it(tmp_path: Path) -> None:
    done = refused(MGCDS_DATA_DIR=str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "correct MGCDS_DATA_DIR" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
