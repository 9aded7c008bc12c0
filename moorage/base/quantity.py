"""Kubernetes quantities: their value, their canonical spelling, and scaling them."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

MILLI = Decimal("0.001")
MEBI = Decimal(2**20)

_BINARY = {"Ti": 2**40, "Gi": 2**30, "Mi": 2**20, "Ki": 2**10}
_DECIMAL = {"T": 10**12, "G": 10**9, "M": 10**6, "k": 10**3}
_SUFFIXES = {
    "": Decimal(1),
    "m": MILLI,
    **{name: Decimal(size) for name, size in (_BINARY | _DECIMAL).items()},
}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")


def quantity_value(text: str) -> Decimal:
    """Return a Kubernetes quantity (``500m``, ``1.5``, ``64Mi``) in its base unit: cores or bytes.

    Raises `ValueError` where it is none.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a Kubernetes quantity")
    return Decimal(match[1]) * _SUFFIXES[match[2] or ""]


def canonical_cpu(text: str) -> str:
    """Return cores as the API server writes them back: whole cores bare, everything else in millicores.

    A diff against the live object is then never about spelling (``0.5`` and ``500m``, ``2000m`` and ``2``).
    """
    return _cpu(quantity_value(text))


def canonical_bytes(text: str) -> str:
    """Return an amount of bytes with the largest suffix that leaves a whole number, binary or decimal as it was given.

    ``1024Mi`` becomes ``1Gi``, ``1.5Gi`` becomes ``1536Mi``, ``1000M`` becomes ``1G``; parts of a byte are rounded up.
    """
    octets = int(quantity_value(text).to_integral_value(ROUND_CEILING))
    return _with_suffix(octets, _BINARY if text.endswith("i") else _DECIMAL)


def scale_cpu(text: str, factor: Decimal, floor: str) -> str:
    """Return cores times ``factor`` (0 to 1), to the nearest millicore.

    The result is never below ``floor``, unless the original is: that stays as it is.
    """
    original = quantity_value(text)
    scaled = _rounded(original * factor, MILLI)
    return _cpu(max(scaled, min(quantity_value(floor), original)))


def scale_bytes(text: str, factor: Decimal, floor: str) -> str:
    """Return bytes times ``factor`` (0 to 1), to the nearest mebibyte.

    The result is never below ``floor``, unless the original is: that stays as it is.
    """
    original = quantity_value(text)
    lowest = min(quantity_value(floor), original)
    scaled = min(_rounded(original * factor, MEBI), original)
    if scaled <= lowest:
        return canonical_bytes(text) if lowest == original else canonical_bytes(floor)
    return _with_suffix(int(scaled.to_integral_value(ROUND_CEILING)), _BINARY)


def _rounded(value: Decimal, unit: Decimal) -> Decimal:
    return (value / unit).to_integral_value(ROUND_HALF_UP) * unit


def _cpu(cores: Decimal) -> str:
    milli = int((cores / MILLI).to_integral_value(ROUND_CEILING))
    return f"{milli}m" if milli % 1000 else str(milli // 1000)


def _with_suffix(octets: int, suffixes: dict[str, int]) -> str:
    for suffix, size in suffixes.items():
        if octets and octets % size == 0:
            return f"{octets // size}{suffix}"
    return str(octets)
