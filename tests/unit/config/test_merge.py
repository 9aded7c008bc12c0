"""What a stack makes of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from moorage.config.merge import overridden, sized_service, sized_settings
from moorage.config.service import Scaling, Service
from moorage.config.stack import Ingress, ServiceOverride, Stack
from moorage.config.yamlfile import parse_yaml
from tests.unit.config_samples import BACKEND, PATH

if TYPE_CHECKING:
    from tests.unit.config_samples import Monorepo

SERVICE = Service.model_validate(parse_yaml(BACKEND, PATH).data)
environments = st.dictionaries(st.sampled_from(["A", "B", "LOG_LEVEL"]), st.text("aé \n\x1b🚢", max_size=3))
bounds = st.tuples(st.integers(1, 1000), st.integers(1, 1000)).map(sorted)


def override(**changes: Any) -> Service:
    return overridden(SERVICE, ServiceOverride(**changes))


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
def test_scaling_is_replaced_whole_and_never_contradicts_replicas(limits: list[int]) -> None:
    scaling = Scaling(min_replicas=limits[0], max_replicas=limits[1])
    service = override(scaling=scaling)
    assert service.scaling == scaling
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
    service = sized_service(
        override(resources=SERVICE.resources.model_copy(update={"requests": SERVICE.resources.limits})), 1.0
    )
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
