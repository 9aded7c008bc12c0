"""Manifests of a service from its model, without an engine."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from moorage.base.quantity import quantity_value
from moorage.components.manifests import pods
from moorage.components.manifests.availability import horizontal_pod_autoscaler, pod_disruption_budget
from moorage.components.manifests.deployment import DeploymentParts, deployment
from moorage.components.manifests.services import config_map, secret, service, service_account
from moorage.config.pod import Probe
from moorage.config.service import Scaling
from tests.unit.component_samples import BACKEND, DATABASE, WORKER, container_of, pod_of, web, worker

PARTS = DeploymentParts(image="registry/backend@sha256:0", config_map="backend-config-1")


def test_an_hpa_owned_deployment_sets_no_replicas() -> None:
    assert "replicas" not in deployment(web(), BACKEND, PARTS)["spec"]


def test_a_deployment_without_scaling_sets_its_replicas_even_none() -> None:
    assert deployment(worker(replicas=3), WORKER, PARTS)["spec"]["replicas"] == 3
    assert deployment(worker(replicas=0), WORKER, PARTS)["spec"]["replicas"] == 0


def test_a_rollout_never_has_fewer_pods_than_before() -> None:
    strategy = deployment(web(), BACKEND, PARTS)["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def test_all_three_probes_come_from_the_model_with_the_services_own_port() -> None:
    container = container_of(deployment(web(), BACKEND, PARTS))
    assert container["startupProbe"]["httpGet"] == {"path": "/health", "port": 8000}
    assert container["livenessProbe"]["initialDelaySeconds"] == 30
    assert container["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": 8000}
    assert container["readinessProbe"]["periodSeconds"] == 5


@given(
    check=st.sampled_from(
        [
            {"httpGet": {"path": "/x"}},
            {"httpGet": {"path": "/x", "port": 9000}},
            {"tcpSocket": {}},
            {"exec": {"command": ["a"]}},
        ]
    ),
    initial=st.integers(0, 600),
    times=st.tuples(st.integers(1, 300), st.integers(1, 60)).filter(lambda pair: pair[1] <= pair[0]),
    failures=st.integers(1, 120),
)
def test_a_probe_says_what_its_model_says(
    check: dict[str, Any], initial: int, times: tuple[int, int], failures: int
) -> None:
    period, timeout = times
    numbers = {
        "initialDelaySeconds": initial,
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }
    manifest = pods.probe(Probe.model_validate({**check, **numbers}), 8000)
    assert numbers.items() <= manifest.items()
    (kind,) = check
    assert manifest[kind] == {**({} if kind == "exec" else {"port": 8000}), **check[kind]}


def test_a_check_that_says_nothing_of_its_time_never_outlasts_its_period() -> None:
    check = {"exec": {"command": ["a"]}}
    assert pods.probe(Probe.model_validate({**check, "periodSeconds": 1}), None)["timeoutSeconds"] == 1
    assert pods.probe(Probe.model_validate(check), None)["timeoutSeconds"] == 2


def test_a_rollout_waits_for_as_long_as_its_pods_may_take_to_start() -> None:
    slow = web(startupProbe={"httpGet": {"path": "/health"}, "periodSeconds": 10, "failureThreshold": 120})
    assert deployment(slow, BACKEND, PARTS)["spec"]["progressDeadlineSeconds"] > 1200
    assert deployment(web(), BACKEND, PARTS)["spec"]["progressDeadlineSeconds"] == 300


def test_a_web_service_answers_for_a_while_after_it_was_told_to_stop() -> None:
    container = container_of(deployment(web(preStopSleepSeconds=7), BACKEND, PARTS))
    assert container["lifecycle"] == {"preStop": {"sleep": {"seconds": 7}}}


def test_a_worker_stops_at_once_as_nothing_is_routed_to_it() -> None:
    assert "lifecycle" not in container_of(deployment(worker(), WORKER, PARTS))
    assert "lifecycle" not in container_of(deployment(web(preStopSleepSeconds=0), BACKEND, PARTS))


def test_tmp_and_the_named_folders_are_writable_and_bounded() -> None:
    manifest = deployment(web(writablePaths=["/var/cache/backend"]), BACKEND, PARTS)
    mounts = {mount["mountPath"]: mount["name"] for mount in container_of(manifest)["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod_of(manifest)["volumes"]}
    assert mounts.keys() == {"/tmp", "/var/cache/backend"}
    for name in mounts.values():
        assert quantity_value(volumes[name]["emptyDir"]["sizeLimit"]) > 0


def test_folders_whose_names_are_alike_each_have_a_volume() -> None:
    paths = ["/srv/a/b", "/srv/a-b", "/srv/A-b", "/srv/a_b"]
    manifest = deployment(web(writablePaths=paths), BACKEND, PARTS)
    mounts = {each["mountPath"]: each["name"] for each in container_of(manifest)["volumeMounts"]}
    assert set(paths) < set(mounts)
    assert len(set(mounts.values())) == len(mounts)
    assert {volume["name"] for volume in pod_of(manifest)["volumes"]} == set(mounts.values())


def test_secrets_are_files_that_the_pods_group_alone_may_read() -> None:
    parts = DeploymentParts(image="i", config_map="c", secret="backend-secret-1")
    manifest = deployment(web(), BACKEND, parts)
    (volume,) = [volume for volume in pod_of(manifest)["volumes"] if "secret" in volume]
    assert volume["secret"] == {"secretName": "backend-secret-1", "defaultMode": 0o440}
    (mount,) = [mount for mount in container_of(manifest)["volumeMounts"] if mount["name"] == volume["name"]]
    assert mount["mountPath"] == "/run/secrets/moorage"
    assert mount["readOnly"] is True
    assert pod_of(manifest)["securityContext"]["fsGroup"] == 10001


def test_a_service_without_secrets_mounts_none() -> None:
    assert all("secret" not in volume for volume in pod_of(deployment(web(), BACKEND, PARTS))["volumes"])


def test_settings_arrive_from_the_config_map() -> None:
    assert container_of(deployment(web(), BACKEND, PARTS))["envFrom"] == [
        {"configMapRef": {"name": "backend-config-1"}}
    ]


def test_the_image_is_passed_through_untouched() -> None:
    image = object()
    manifest = deployment(web(), BACKEND, DeploymentParts(image=image, config_map="c"))
    assert container_of(manifest)["image"] is image


def test_a_worker_declares_no_port_but_those_of_its_probes() -> None:
    assert "ports" not in container_of(deployment(worker(), WORKER, PARTS))
    health = {"tcpSocket": {"port": 8081}}
    probed = container_of(deployment(worker(livenessProbe=health, readinessProbe=health), WORKER, PARTS))
    assert probed["ports"] == [{"name": "probe-8081", "containerPort": 8081, "protocol": "TCP"}]


def test_a_web_service_declares_its_port_once() -> None:
    own = {"httpGet": {"path": "/health", "port": 8000}}
    container = container_of(deployment(web(livenessProbe=own), BACKEND, PARTS))
    assert container["ports"] == [{"name": "http", "containerPort": 8000, "protocol": "TCP"}]


def test_pods_of_a_rollout_spread_over_nodes_without_ever_blocking_it() -> None:
    (constraint,) = pod_of(deployment(web(), BACKEND, PARTS))["topologySpreadConstraints"]
    assert constraint["whenUnsatisfiable"] == "ScheduleAnyway"
    assert constraint["matchLabelKeys"] == ["pod-template-hash"]
    assert constraint["labelSelector"]["matchLabels"] == BACKEND.selector()


def test_a_token_is_mounted_only_when_asked_for() -> None:
    assert pod_of(deployment(web(), BACKEND, PARTS))["automountServiceAccountToken"] is False
    asked = deployment(web(serviceAccountToken=True), BACKEND, PARTS)
    assert pod_of(asked)["automountServiceAccountToken"] is True
    assert service_account(BACKEND, token=False)["automountServiceAccountToken"] is False


def test_a_pull_secret_is_used_where_the_registry_needs_one() -> None:
    parts = DeploymentParts(image="i", config_map="c", pull_secrets=("registry",))
    assert pod_of(deployment(web(), BACKEND, parts))["imagePullSecrets"] == [{"name": "registry"}]
    assert "imagePullSecrets" not in pod_of(deployment(web(), BACKEND, PARTS))


def test_a_service_selects_its_pods_and_is_not_waited_for_twice() -> None:
    manifest = service(BACKEND, port=8000, port_name="http")
    assert manifest["spec"]["selector"] == BACKEND.selector()
    assert manifest["spec"]["ports"] == [{"name": "http", "port": 8000, "targetPort": "http", "protocol": "TCP"}]
    assert manifest["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"


def test_a_headless_service_has_no_address_of_its_own() -> None:
    manifest = service(DATABASE, port=5432, port_name="postgres", headless=True)
    assert manifest["metadata"]["name"] == "postgres-headless"
    assert manifest["spec"]["clusterIP"] == "None"


def test_config_maps_and_secrets_are_immutable_and_left_for_the_engine_to_name() -> None:
    for manifest in (config_map(BACKEND, {"A": "1"}), secret(BACKEND, {"A": "1"})):
        assert manifest["immutable"] is True
        assert "name" not in manifest["metadata"]


def test_the_autoscaler_has_the_models_bounds_and_targets() -> None:
    spec = horizontal_pod_autoscaler(BACKEND, Scaling(min_replicas=2, max_replicas=10))["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 10)
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend"}
    targets = {m["resource"]["name"]: m["resource"]["target"]["averageUtilization"] for m in spec["metrics"]}
    assert targets == {"cpu": 70, "memory": 80}
    only_cpu = horizontal_pod_autoscaler(BACKEND, Scaling(min_replicas=1, max_replicas=2, memory=None))
    assert [metric["resource"]["name"] for metric in only_cpu["spec"]["metrics"]] == ["cpu"]


def test_the_autoscaler_is_quick_up_and_slow_down() -> None:
    behavior = horizontal_pod_autoscaler(BACKEND, Scaling(min_replicas=2, max_replicas=10))["spec"]["behavior"]
    assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 300
    assert behavior["scaleDown"]["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 60}]


def test_a_budget_never_blocks_the_drain_of_a_node() -> None:
    spec = pod_disruption_budget(BACKEND)["spec"]
    assert spec["maxUnavailable"] == 1
    assert "minAvailable" not in spec
    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
