"""Alerts and dashboard: valid, and about metrics and labels that the service has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from mgcds.service.metrics import Metrics
from mgcds.service.rule_numbers import LABELS
from tests.conftest import ROOT
from tests.deploy.tools import DEPLOY, run, tool

ALERTS = DEPLOY / "prometheus/alerts.yaml"
DASHBOARD = json.loads((DEPLOY / "grafana/mgcds.json").read_text(encoding="utf-8"))
GIVEN_BY_PROMETHEUS = {"instance", "job", "le", "pid"}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return [rule["expr"] for rule in rules()] + panels


def exported() -> dict[str, set[str]]:
    """The names of all series that the service can export, with their labels."""
    found: dict[str, set[str]] = {}
    for metric in vars(Metrics()).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            name, labels = metric._name, set(metric._labelnames)
            endings = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_sum", "_count")}[type(metric)]
            found |= {f"{name}{ending}": labels | GIVEN_BY_PROMETHEUS for ending in endings}
    return found | {name: set(labels) | GIVEN_BY_PROMETHEUS for name, labels in LABELS.items()}


@pytest.mark.parametrize("expression", expressions())
def test_every_metric_and_label_that_is_asked_for_is_exported(expression: str) -> None:
    known = exported()
    names = re.findall(r"\bmgcds_\w+", expression)
    assert names
    assert set(names) <= set(known)
    labels = {label for block in re.findall(r"by \(([^)]*)\)", expression) for label in block.split(", ")}
    labels |= {pair for block in re.findall(r"\{([^}]*)\}", expression) for pair in re.findall(r"(\w+)=", block)}
    assert labels <= set().union(*(known[name] for name in names))


def test_every_metric_is_watched_or_told_of() -> None:
    """A count that nobody looks at is no control."""
    told = " ".join(expressions()) + (ROOT / "docs/how-to/operate.md").read_text(encoding="utf-8")
    for metric in vars(Metrics()).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            assert metric._name in told
    assert all(name in told for name in LABELS)


def test_alerts_have_a_severity_and_words_and_names_of_their_own() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    assert all(
        rule["labels"]["severity"] in ("critical", "warning", "info") and rule["annotations"]["summary"] for rule in rules()
    )


def annotations(alert: str) -> dict[str, str]:
    """What an alert without labels in its words says."""
    (found,) = (rule["annotations"] for rule in rules() if rule["alert"] == alert)
    made: dict[str, str] = found
    return made


def test_prometheus_takes_the_alerts() -> None:
    run(tool("promtool"), "check", "rules", ALERTS)


def test_alerts_go_off_when_they_should(tmp_path: Path) -> None:
    """Prometheus' own unit tests of rules: one engine that differs, one refused library, one full disk."""
    tests = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": 'mgcds_workers{instance="a"}', "values": "2x30"},
                    {"series": 'mgcds_rule_errors_total{instance="a",rule="ex",reason="engines-differ"}', "values": "0x10 1x20"},
                    {"series": 'mgcds_degraded{instance="a"}', "values": "0x10 1x20"},
                    {"series": 'mgcds_audit_failures_total{instance="a"}', "values": "0x10 1x20"},
                ],
                "alert_rule_test": [
                    {"eval_time": "9m", "alertname": "MgcdsEnginesDiffer", "exp_alerts": []},
                    {
                        "eval_time": "12m",
                        "alertname": "MgcdsEnginesDiffer",
                        "exp_alerts": [
                            {
                                "exp_labels": {"severity": "critical", "rule": "ex", "reason": "engines-differ"},
                                "exp_annotations": {
                                    "summary": "Rule ex ends as error (engines-differ); its cards are not shown"
                                },
                            }
                        ],
                    },
                    {"eval_time": "12m", "alertname": "MgcdsRefusesNewLibrary", "exp_alerts": []},
                    {"eval_time": "9m", "alertname": "MgcdsAuditFails", "exp_alerts": []},
                    {
                        "eval_time": "12m",
                        "alertname": "MgcdsAuditFails",
                        "exp_alerts": [
                            {"exp_labels": {"severity": "critical", "instance": "a"}, "exp_annotations": annotations("MgcdsAuditFails")}
                        ],
                    },
                    {"eval_time": "9m", "alertname": "MgcdsDown", "exp_alerts": []},
                ],
            }
        ],
    }  # fmt: skip
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump(tests))
    run(tool("promtool"), "test", "rules", file)


def test_what_a_service_exports_prometheus_reads(tmp_path: Path) -> None:
    """promtool reads the text of a real answer and finds no fault with names, types and help."""
    from starlette.testclient import TestClient

    from mgcds.language.load import load
    from mgcds.service.app import create_app
    from mgcds.settings import read_settings
    from tests.service.running import small_library

    http = TestClient(create_app(load(small_library(tmp_path).root), read_settings()))
    http.get("/cds-services")
    run(tool("promtool"), "check", "metrics", given=http.get("/metrics").text)


def test_the_dashboard_is_laid_out_and_names_its_source_by_a_variable() -> None:
    panels = DASHBOARD["panels"]
    places = [tuple(panel["gridPos"][key] for key in "xywh") for panel in panels]
    assert len(set(places)) == len({panel["id"] for panel in panels}) == len(panels)
    assert {panel["datasource"]["uid"] for panel in panels} == {"${source}"}
    assert all(panel["title"] for panel in panels)
