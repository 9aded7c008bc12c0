"""What a stack makes of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.base.errors import Location, Problem
from moorage.config.merge import deep_merged, merged_service, sized_service, sized_settings
from moorage.config.service import Scaling, Service
from moorage.config.sources import Entry
from moorage.config.stack import Ingress, ServiceOverride, Stack
from moorage.config.validate import Source
from moorage.config.yamlfile import parse_yaml
from tests.unit.config_samples import BACKEND, PATH

if TYPE_CHECKING:
    from tests.unit.config_samples import Monorepo

SERVICE = Service.model_validate(parse_yaml(BACKEND, PATH).data)
environments = st.dictionaries(st.sampled_from(["A", "B", "LOG_LEVEL"]), st.text("aé \n\x1b🚢", max_size=3))
bounds = st.tuples(st.integers(1, 1000), st.integers(1, 1000)).map(sorted)


def override(**changes: Any) -> Service:
    problems: list[Problem] = []
    entry = Entry(PATH.parent, Source(parse_yaml(BACKEND, PATH)), SERVICE)
    over = Source(parse_yaml("a: b\n", PATH))
    merged = merged_service(entry, ServiceOverride.model_validate(changes), over, problems)
    assert problems == []
    return merged


def test_an_override_that_says_nothing_changes_nothing() -> None:
    assert override() == SERVICE


@given(environments)
def test_env_is_added_key_by_key_and_the_stack_wins(env: dict[str, str]) -> None:
    merged = override(env=env).env
    assert merged == {"LOG_LEVEL": "INFO"} | env
    assert SERVICE.env == {"LOG_LEVEL": "INFO"}


def test_a_fixed_number_of_pods_takes_the_place_of_scaling() -> None:
    service = override(replicas=1)
    assert (service.replicas, service.scaling) == (1, None)


@given(bounds)
def test_scaling_is_merged_and_never_contradicts_replicas(limits: list[int]) -> None:
    service = override(scaling={"minReplicas": limits[0], "maxReplicas": limits[1]})
    assert service.scaling == Scaling(min_replicas=limits[0], max_replicas=limits[1])
    assert list(service.problems()) == []


def test_the_target_changes_and_the_rest_of_the_build_stays() -> None:
    build = override(target="development").build
    assert build == SERVICE.build.model_copy(update={"target": "development"})


@given(environments, st.none() | st.integers(0, 9))
def test_an_override_touches_only_what_it_names(env: dict[str, str], replicas: int | None) -> None:
    merged = override(env=env, replicas=replicas)
    untouched = set(Service.model_fields) - {"env", "replicas", "scaling"}
    assert all(getattr(merged, name) == getattr(SERVICE, name) for name in untouched)


def test_quantities_are_spelt_as_the_cluster_spells_them() -> None:
    service = sized_service(override(resources={"requests": {"cpu": 2, "memory": "4096Mi"}}), 1.0)
    assert (service.resources.limits.cpu, service.resources.limits.memory) == ("2", "4Gi")


def test_the_factor_reaches_the_data_stores_and_their_volumes() -> None:
    settings = sized_settings(Stack(ingress=Ingress(host="a.localhost")), 0.5)
    assert (settings.postgres.storage, settings.redis.storage) == ("512Mi", "128Mi")
    assert settings.postgres.resources.limits.memory == "256Mi"
    assert settings.redis.resources.limits.memory == "64Mi"


def test_the_factor_applies_on_the_embedded_platform(monorepo: Monorepo) -> None:
    monorepo.add("Pulumi.dev.yaml", "  moorage:embedded: {resourceFactor: 0.1}\n")
    project = monorepo.load()
    assert project.services["backend"].resources.requests.memory == "102Mi"
    assert project.services["worker"].resources.requests.cpu == "10m"
    assert project.settings.postgres.storage == "102Mi"


def test_a_stack_sizes_single_services(monorepo: Monorepo) -> None:
    project = monorepo.load()
    assert (project.services["backend"].replicas, project.services["backend"].scaling) == (2, None)
    assert project.services["backend"].env == {"LOG_LEVEL": "DEBUG"}
    assert project.services["worker"].env == {}


def test_any_key_can_differ_in_a_stack(monorepo: Monorepo) -> None:
    monorepo.change(
        "Pulumi.dev.yaml",
        "      env: {LOG_LEVEL: DEBUG}\n",
        "      port: 9000\n      build: {args: {FLAVOUR: dev}}\n      readinessProbe: {periodSeconds: 2}\n"
        "      resources: {limits: {memory: 2Gi}}\n      needs: [redis]\n      route: null\n",
    )
    backend = monorepo.load().services["backend"]
    assert (backend.port, backend.build.args, backend.build.bases) == (9000, {"FLAVOUR": "dev"}, ["python"])
    assert backend.readiness_probe.period_seconds == 2
    assert backend.readiness_probe.http_get is not None
    assert (backend.resources.limits.memory, backend.resources.limits.cpu) == ("2Gi", "2")
    assert (backend.needs, backend.route, backend.env) == (["redis"], None, {"LOG_LEVEL": "INFO"})


def test_what_a_stack_needs_decides_on_its_order(monorepo: Monorepo) -> None:
    assert monorepo.load().running == ("backend", "worker")
    monorepo.add("Pulumi.dev.yaml", "      needs: [worker]\n    worker: {kind: web, port: 8001, needs: []}\n")
    assert monorepo.load().running == ("worker", "backend")


def test_a_cycle_that_only_a_stack_has_is_found(monorepo: Monorepo) -> None:
    monorepo.add("Pulumi.dev.yaml", "      needs: [worker]\n    worker: {kind: web, port: 8001}\n")
    assert "depends on itself" in monorepo.problem().what


@pytest.mark.parametrize(
    ("line", "place", "what", "fix"),
    [
        (
            "replcas: 2",
            "Pulumi.dev.yaml:11:7",
            "unknown key moorage:services.backend.replcas",
            "did you mean replicas?",
        ),
        ("sysctls: 2", "Pulumi.dev.yaml:11:7", "unknown key moorage:services.backend.sysctls", "patches"),
        ("port: x", "Pulumi.dev.yaml:11:13", 'moorage:services.backend.port is "x"', "write a number"),
        (
            "needs: [nothing]",
            "Pulumi.dev.yaml:11:15",
            "backend needs nothing, which does not exist",
            "name one of them",
        ),
        ("preStopSleepSeconds: 50", "Pulumi.dev.yaml:7:5", "terminationGracePeriodSeconds (40)", "set term"),
        ("run: maybe", "Pulumi.dev.yaml:11:12", 'moorage:services.backend.run is "maybe"', "write true or false"),
    ],
)
def test_a_mistake_in_a_stacks_part_is_placed_there(
    monorepo: Monorepo, line: str, place: str, what: str, fix: str
) -> None:
    monorepo.add("Pulumi.dev.yaml", f"      args: []\n      {line}\n")
    problem = monorepo.problem()
    assert isinstance(problem.where, Location)
    assert problem.what.startswith(what)
    assert fix in str(problem.remedy)
    assert monorepo.place(problem) == place


def test_a_secret_that_only_a_stack_asks_for_is_one(monorepo: Monorepo) -> None:
    monorepo.add("Pulumi.dev.yaml", "      secrets: {TOKEN: token}\n")
    assert "has no secret moorage:token" in monorepo.problem().what
    monorepo.add("Pulumi.dev.yaml", "  moorage:token: {secure: v1:a}\n")
    assert monorepo.load().services["backend"].secrets == {"TOKEN": "token"}


def test_a_stack_may_take_an_image_instead_of_building_one(monorepo: Monorepo) -> None:
    monorepo.add("Pulumi.dev.yaml", f"    worker: {{image: 'x/y@sha256:{'a' * 64}'}}\n")
    assert set(monorepo.load().prebuilt) == {"worker"}


def test_mappings_are_merged_lists_replaced_and_nulls_removed() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    assert deep_merged(base, {"a": {"c": [3], "e": {}}, "d": None}) == {"a": {"b": 1, "c": [3], "e": {}}}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 1}


def test_a_null_with_a_meaning_of_its_own_is_a_value_in_a_stack_as_well(monorepo: Monorepo) -> None:
    base = {"scaling": {"minReplicas": 1, "maxReplicas": 3, "cpu": 60}, "route": {"path": "/api"}}
    changed = deep_merged(base, {"scaling": {"cpu": None}, "route": None}, Service)
    assert changed == {"scaling": {"minReplicas": 1, "maxReplicas": 3, "cpu": None}}
    monorepo.add("Pulumi.dev.yaml", "    worker: {scaling: {minReplicas: 1, maxReplicas: 3, cpu: null}}\n")
    scaling = monorepo.load().services["worker"].scaling
    assert scaling is not None
    assert (scaling.cpu, scaling.memory) == (None, 80)
