"""The manifests of deploy/: against Kubernetes' schemas, against each other, and the server's own.

No cluster is needed; what the manifests say of the server is asked of a running one.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import emotion_component
from server.security import hash_key, new_key
from server.settings import Settings, load_settings
from tests.server.running import ROOT, RedisServer, Server

KUBERNETES = ROOT / "deploy" / "kubernetes"
PROMETHEUS = ROOT / "deploy" / "prometheus"
VERSIONS = ("1.27", kubernetes_validate.latest_version())
"""Oldest and newest that the manifests are for."""


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


KUSTOMIZATION = read(KUBERNETES / "kustomization.yaml")
MANIFESTS = {name: read(KUBERNETES / name) for name in KUSTOMIZATION["resources"]}
DEPLOYMENT = MANIFESTS["deployment.yaml"]["spec"]
POD = DEPLOYMENT["template"]
(CONTAINER,) = POD["spec"]["containers"]
AUTOSCALER = MANIFESTS["autoscaler.yaml"]["spec"]
MONITOR = read(PROMETHEUS / "pod_monitor.yaml")["spec"]
(ENDPOINT,) = MONITOR["podMetricsEndpoints"]
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def queue_metric() -> str:
    (metric,) = [m["pods"] for m in AUTOSCALER["metrics"] if m["type"] == "Pods"]
    name: str = metric["metric"]["name"]
    return name


# Against the schemas ----------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", MANIFESTS)
def test_every_manifest_fits_its_schema(name: str, version: str) -> None:
    kubernetes_validate.validate(MANIFESTS[name], version, strict=True)


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        ((), "replica", 2),
        (("template", "spec"), "terminationGracePeriod", 60),
        (("template", "spec"), "terminationGracePeriodSeconds", "60"),
        (("template", "spec", "containers", 0), "image", 1),
        (("template", "spec", "containers", 0, "securityContext"), "readOnlyRootFileSystem", True),
        (("template", "spec", "containers", 0, "ports", 0), "containerPort", "http"),
    ],
)
def test_an_unknown_field_or_a_wrong_type_would_be_found(
    place: tuple[str | int, ...], key: str, value: object
) -> None:
    broken = copy.deepcopy(MANIFESTS["deployment.yaml"])
    target = broken["spec"]
    for step in place:
        target = target[step]
    target[key] = value
    for version in VERSIONS:
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(broken, version, strict=True)


def test_every_file_is_applied() -> None:
    files = {path.name for path in KUBERNETES.iterdir()} - {"kustomization.yaml"}
    assert set(MANIFESTS) == files
    (image,) = KUSTOMIZATION["images"]
    assert CONTAINER["image"] == image["name"]
    assert image["newTag"] == emotion_component.__version__
    assert KUSTOMIZATION["namespace"] == MANIFESTS["namespace.yaml"]["metadata"]["name"]


# Against each other -----------------------------------------------------------------------------


def test_every_selector_finds_the_pods() -> None:
    labels = POD["metadata"]["labels"]
    (spread,) = POD["spec"]["topologySpreadConstraints"]
    selectors = [
        DEPLOYMENT["selector"]["matchLabels"],
        spread["labelSelector"]["matchLabels"],
        MANIFESTS["service.yaml"]["spec"]["selector"],
        MANIFESTS["disruption_budget.yaml"]["spec"]["selector"]["matchLabels"],
        MANIFESTS["network_policy.yaml"]["spec"]["podSelector"]["matchLabels"],
        MONITOR["selector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector
        assert selector.items() <= labels.items()
    target = AUTOSCALER["scaleTargetRef"]
    deployment = MANIFESTS["deployment.yaml"]
    assert (target["apiVersion"], target["kind"]) == (deployment["apiVersion"], deployment["kind"])
    assert target["name"] == deployment["metadata"]["name"]


def test_every_port_is_that_of_the_container() -> None:
    (port,) = CONTAINER["ports"]
    (service,) = MANIFESTS["service.yaml"]["spec"]["ports"]
    (ingress,) = MANIFESTS["network_policy.yaml"]["spec"]["ingress"]
    named = [
        service["targetPort"],
        ingress["ports"][0]["port"],
        ENDPOINT["port"],
        *(CONTAINER[probe]["httpGet"]["port"] for probe in PROBES),
    ]
    assert set(named) == {port["name"]}
    assert port["containerPort"] == Settings().listen.port
    egress = [
        p["port"]
        for rule in MANIFESTS["network_policy.yaml"]["spec"]["egress"]
        for p in rule["ports"]
    ]
    assert set(egress) == {53, 6379}


def test_the_pod_may_do_as_little_as_it_can() -> None:
    pod, container = POD["spec"]["securityContext"], CONTAINER["securityContext"]
    assert pod["runAsNonRoot"]
    assert f"USER {pod['runAsUser']}\n" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert container["readOnlyRootFilesystem"]
    assert not container["allowPrivilegeEscalation"]
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not POD["spec"]["automountServiceAccountToken"]
    writable = {volume["name"]: volume for volume in POD["spec"]["volumes"]}
    for mount in CONTAINER["volumeMounts"]:
        assert "emptyDir" in writable[mount["name"]]


def test_the_queue_is_handed_to_the_autoscaler() -> None:
    (rule,) = read(PROMETHEUS / "adapter_values.yaml")["rules"]["custom"]
    assert rule["seriesQuery"].startswith(f"{queue_metric()}{{")
    kinds = {metric["type"] for metric in AUTOSCALER["metrics"]}
    assert kinds == {"Pods", "Resource"}
    # A share of what is asked for, without which there is none.
    assert set(CONTAINER["resources"]["requests"]) == {"cpu", "memory"}
    assert AUTOSCALER["minReplicas"] > MANIFESTS["disruption_budget.yaml"]["spec"]["maxUnavailable"]


# Against the server -----------------------------------------------------------------------------

KEY, DIGEST = new_key()


def environment(secret: dict[str, str]) -> dict[str, str]:
    """What the container's environment will be."""
    values = {}
    for entry in CONTAINER["env"]:
        source = entry.get("valueFrom", {})
        if "secretKeyRef" in source:
            assert (
                source["secretKeyRef"]["name"] == ENDPOINT["authorization"]["credentials"]["name"]
            )
            values[entry["name"]] = secret[source["secretKeyRef"]["key"]]
        elif "resourceFieldRef" in source:
            resource, _, name = source["resourceFieldRef"]["resource"].partition(".")
            values[entry["name"]] = CONTAINER["resources"][resource][name]
        else:
            values[entry["name"]] = entry["value"]
    return values


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server with the environment of its pod."""
    folder = tmp_path_factory.mktemp("pod")
    redis = RedisServer(folder)
    keys = json.dumps([{"name": "prometheus", "sha256": DIGEST}])
    secret = {"redis-url": redis.url, "api-keys": keys}
    server = Server(folder, {}, environment=environment(secret))
    yield server
    server.stop()
    redis.kill()


def test_the_environment_is_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = json.dumps([{"name": "bot", "sha256": hash_key("key")}])
    secret = {"redis-url": "redis://redis.example:6379/0", "api-keys": keys}
    for name, value in environment(secret).items():
        section, _, setting = name.removeprefix("EMOTION_").lower().partition("__")
        before = getattr(getattr(load_settings(), section), setting)
        monkeypatch.setenv(name, value)
        assert getattr(getattr(load_settings(), section), setting) != before or value == str(before)
    # The image listens beyond loopback; with a key, it may.
    settings = load_settings(ROOT / "config" / "server.yaml", {"listen": {"host": "0.0.0.0"}})
    assert settings.conversations.store == "redis"
    assert settings.threads == 2
    ending = settings.listen.drain_seconds + settings.listen.shutdown_seconds
    assert POD["spec"]["terminationGracePeriodSeconds"] > ending


def test_probes_are_answered_without_a_key(pod: Server) -> None:
    described = pod.http.get("/openapi.json").json()["paths"]
    for probe in PROBES:
        path = CONTAINER[probe]["httpGet"]["path"]
        assert "get" in described[path]
        assert pod.http.get(path).status_code == 200
    assert pod.http.get("/health/ready").json()["memory"] == "ok"


def test_prometheus_finds_the_queue_with_its_key(pod: Server) -> None:
    assert ENDPOINT["authorization"]["type"] == "Bearer"
    assert pod.http.get(ENDPOINT["path"]).status_code == 401
    metrics = pod.http.get(ENDPOINT["path"], headers={"Authorization": f"Bearer {KEY}"})
    assert f"# TYPE {queue_metric()} gauge\n{queue_metric()} 0.0\n" in metrics.text
