"""The Kustomize overlays: they render, every object is valid, and the pods meet the restricted pod security standard."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from mgcds.settings import Settings
from tests.deploy.tools import DEPLOY, run, tool

OVERLAYS = ("dev", "production")


@cache
def rendered(overlay: str) -> str:
    return run(tool("kubectl"), "kustomize", DEPLOY / "kustomize/overlays" / overlay)


def objects(overlay: str) -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in yaml.safe_load_all(rendered(overlay))}


def container(overlay: str) -> dict[str, Any]:
    (found,) = objects(overlay)["Deployment"]["spec"]["template"]["spec"]["containers"]
    made: dict[str, Any] = found
    return made


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_valid(overlay: str, tmp_path: Path) -> None:
    file = tmp_path / "rendered.yaml"
    file.write_text(rendered(overlay))
    run(tool("kubernetes-validate"), "--strict", file)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_meet_the_restricted_standard(overlay: str) -> None:
    pod = objects(overlay)["Deployment"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert all({"emptyDir", "configMap", "secret"} & set(volume) for volume in pod["volumes"])
    inside = container(overlay)["securityContext"]
    assert inside == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    namespace = objects(overlay)["Namespace"]["metadata"]["labels"]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_variable_is_a_setting(overlay: str) -> None:
    known = {f"MGCDS_{name.upper()}" for name in Settings.model_fields} | {"MGCDS_SECRETS_DIR"}
    assert {each["name"] for each in container(overlay)["env"]} <= known


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_ask_what_the_service_answers_and_a_pod_has_time_to_stop(overlay: str) -> None:
    made = container(overlay)
    assert made["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert made["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    drain = next(float(each["value"]) for each in made["env"] if each["name"] == "MGCDS_DRAIN_SECONDS")
    ready = made["readinessProbe"]
    assert ready["periodSeconds"] * ready["failureThreshold"] < drain  # taken out before its door closes
    from mgcds.service.worker import GRACE_SECONDS

    assert (
        objects(overlay)["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > drain + GRACE_SECONDS + 5
    )


def test_production_survives_a_node_and_several_workers_share_a_database() -> None:
    found = objects("production")
    assert found["PodDisruptionBudget"]["spec"]["minAvailable"] < found["HorizontalPodAutoscaler"]["spec"]["minReplicas"]
    assert found["Deployment"]["spec"]["replicas"] == found["HorizontalPodAutoscaler"]["spec"]["minReplicas"]
    assert "--workers" in container("production")["args"]
    assert not any(each["name"] in ("MGCDS_AUTH", "MGCDS_DATA_DIR", "MGCDS_METRICS") for each in container("production")["env"])


def test_only_what_is_named_goes_in_and_out() -> None:
    policy = objects("production")["NetworkPolicy"]["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert all(rule.get("from") and rule.get("ports") for rule in policy["ingress"])
    assert all(rule.get("to") and rule.get("ports") for rule in policy["egress"])


def test_the_clients_and_site_files_of_the_overlay_can_be_used() -> None:
    from mgcds.language.load import load
    from mgcds.service.clients import read_clients
    from tests.conftest import RULES

    folder = DEPLOY / "kustomize/overlays/production"
    assert read_clients(folder / "clients.yaml").of("https://ehr.example.org")
    site = load(RULES, site=folder / "site.yaml").site
    assert site is not None
