"""Quantities: their value, their canonical spelling, and what remains of them on the embedded platform."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.base.quantity import canonical_bytes, canonical_cpu, quantity_value, scale_bytes, scale_cpu
from moorage.config.merge import FLOOR_CPU, FLOOR_MEMORY, sized_bytes, sized_resources
from moorage.config.service import Amounts, Resources

cpus = st.integers(1, 64_000).map(lambda milli: f"{milli}m") | st.sampled_from(["0.5", "1", "1.5", "2", "0.001", "64"])
amounts = st.builds(
    lambda number, suffix: f"{number}{suffix}", st.integers(2, 9000), st.sampled_from(["Mi", "Gi", "Ti", "M", "G", "T"])
)
factors = st.floats(0.001, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [("500m", "0.5"), ("1.5", "1.5"), ("64Mi", 64 * 2**20), ("1k", 1000), ("0.5Gi", 2**29), ("2T", 2 * 10**12)],
)
def test_a_quantity_has_the_value_that_kubernetes_gives_it(text: str, value: str | int) -> None:
    assert quantity_value(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "m", "1 Gi", "1gi", "-1", "1e3", "1Gi\n", "٣", "1.", ".5", "1KB"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a Kubernetes quantity"):
        quantity_value(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("0.5", "500m"), ("1000m", "1"), ("2", "2"), ("2.0", "2"), ("1500m", "1500m"), ("0.0015", "2m")],
)
def test_cpu_is_spelt_as_the_api_server_spells_it(text: str, canonical: str) -> None:
    assert canonical_cpu(text) == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("1000M", "1G"),
        ("1.5G", "1500M"),
        ("134217728", "134217728"),
        ("2000000", "2M"),
        ("0.3Mi", "314573"),
    ],
)
def test_bytes_are_spelt_as_the_api_server_spells_them(text: str, canonical: str) -> None:
    assert canonical_bytes(text) == canonical


@given(cpus)
def test_the_canonical_spelling_of_cpu_keeps_its_value(text: str) -> None:
    assert quantity_value(canonical_cpu(text)) == quantity_value(text)
    assert canonical_cpu(canonical_cpu(text)) == canonical_cpu(text)


@given(amounts)
def test_the_canonical_spelling_of_bytes_keeps_its_value(text: str) -> None:
    assert quantity_value(canonical_bytes(text)) == quantity_value(text)
    assert canonical_bytes(canonical_bytes(text)) == canonical_bytes(text)


@given(cpus, factors)
def test_scaled_cpu_lies_between_its_floor_and_the_original(text: str, factor: float) -> None:
    original, scaled = quantity_value(text), quantity_value(scale_cpu(text, Decimal(str(factor)), FLOOR_CPU))
    assert min(original, quantity_value(FLOOR_CPU)) <= scaled <= original
    exact = original * Decimal(str(factor))
    assert abs(scaled - exact) <= Decimal("0.0005") or scaled == min(original, quantity_value(FLOOR_CPU))


@given(amounts, factors)
def test_scaled_bytes_lie_between_their_floor_and_the_original(text: str, factor: float) -> None:
    original, scaled = quantity_value(text), quantity_value(scale_bytes(text, Decimal(str(factor)), FLOOR_MEMORY))
    assert min(original, quantity_value(FLOOR_MEMORY)) <= scaled <= original
    exact = original * Decimal(str(factor))
    assert abs(scaled - exact) <= 2**19 or scaled == min(original, quantity_value(FLOOR_MEMORY))


@given(amounts, factors, factors)
def test_a_larger_factor_never_gives_less(text: str, left: float, right: float) -> None:
    small, large = sorted((left, right))
    assert quantity_value(sized_bytes(text, small, FLOOR_MEMORY)) <= quantity_value(
        sized_bytes(text, large, FLOOR_MEMORY)
    )


@given(cpus, cpus, amounts, amounts, factors)
def test_no_limit_falls_below_its_request(
    cpu: str, cpu_limit: str, memory: str, memory_limit: str, factor: float
) -> None:
    cpu, cpu_limit = sorted((cpu, cpu_limit), key=quantity_value)
    memory, memory_limit = sorted((memory, memory_limit), key=quantity_value)
    sized = sized_resources(
        Resources(
            requests=Amounts(cpu=cpu, memory=memory),
            limits=Amounts(cpu=cpu_limit, memory=memory_limit),
        ),
        factor,
    )
    assert quantity_value(sized.requests.cpu) <= quantity_value(sized.limits.cpu)
    assert quantity_value(sized.requests.memory) <= quantity_value(sized.limits.memory)


def test_sizes_on_the_embedded_platform_are_the_specifications_times_the_factor() -> None:
    backend = Resources(requests=Amounts(cpu="500m", memory="1Gi"), limits=Amounts(cpu="2", memory="4Gi"))
    assert sized_resources(backend, 0.1) == Resources(
        requests=Amounts(cpu="50m", memory="102Mi"), limits=Amounts(cpu="200m", memory="410Mi")
    )


def test_without_a_factor_only_the_spelling_changes() -> None:
    small = Resources(requests=Amounts(cpu="0.005", memory="16Mi"), limits=Amounts(cpu="1000m", memory="1024Mi"))
    assert sized_resources(small, 1.0) == Resources(
        requests=Amounts(cpu="5m", memory="16Mi"), limits=Amounts(cpu="1", memory="1Gi")
    )
