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
    **{name: Decimal(1000) ** power for name, power in {"n": -3, "u": -2, "m": -1}.items()},
    **{name: Decimal(1000) ** power for power, name in enumerate("kMGTPE", 1)},
    **{f"{name}i": Decimal(1024) ** power for power, name in enumerate("KMGTPE", 1)},
}
_QUANTITY = re.compile(
    r"([+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30}))(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)", re.ASCII
)
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:m|k|M|G|T|Ki|Mi|Gi|Ti)?")


def parse_quantity(value: str | float | bool | None) -> Decimal | None:
    """Return the number that any Kubernetes quantity stands for (``250m``, ``1.5Gi``, ``2e3``), in its unit.

    The unit is cores, bytes or pieces; None where the value is not a quantity.
    """
    if value is None or isinstance(value, bool):
        return None
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        return None
    number, exponent, suffix = match.groups()
    return Decimal(f"{number}{exponent or ''}") * _SUFFIXES[suffix or ""]


def quantity_value(text: str) -> Decimal:
    """Return a quantity as our settings write it (``500m``, ``1.5``, ``64Mi``) in its base unit: cores or bytes.

    Raises `ValueError` for anything else, signs and exponents among it.
    """
    value = parse_quantity(text) if _PLAIN.fullmatch(text) else None
    if value is None:
        raise ValueError(f"{text!r} is not a Kubernetes quantity")
    return value


def canonical_cpu(text: str) -> str:
    """Return cores as the API server writes them back: whole cores bare, everything else in millicores.

    A diff against the live object is then never about spelling (``0.5`` and ``500m``, ``2000m`` and ``2``).
    """
    return _cpu(quantity_value(text))


def canonical_bytes(text: str) -> str:
    """Return an amount of bytes with the largest suffix that leaves a whole number, binary or decimal as it was given.

    ``1024Mi`` becomes ``1Gi``, ``1.5Gi`` becomes ``1536Mi``, ``1000M`` becomes ``1G``; parts of a byte are rounded up.
    """
    amount = int(quantity_value(text).to_integral_value(ROUND_CEILING))
    return _with_suffix(amount, _BINARY if text.endswith("i") else _DECIMAL)


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


def _with_suffix(amount: int, suffixes: dict[str, int]) -> str:
    for suffix, size in suffixes.items():
        if amount and amount % size == 0:
            return f"{amount // size}{suffix}"
    return str(amount)
