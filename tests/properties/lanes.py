"""What each property's test needs of the machine, so that one that waits runs beside one that works."""

from __future__ import annotations

LANES: dict[str, tuple[int, ...]] = {
    # The fleet first and together, as it takes the machine's attention for as long as it is there.
    "waiting": (1, 13, 14, 31, 4, 19, 30, 18, 17, 16),
    "pure": (3, 2, 22),
    "building": (5, 11, 12, 23, 7, 8, 33, 9, 32, 20, 21, 10, 27, 29, 28),
    # Within two seconds, which nobody can promise on a machine that is busy with builds.
    "alone": (6,),
}
"""Numbers of properties in the order in which their tests run; each lane may be a process of its own."""


def place_of(number: int) -> tuple[str, int]:
    """Return the lane of a property's test, and its place among all."""
    order = [(lane, each) for lane, numbers in LANES.items() for each in numbers]
    lanes = {each: (lane, place) for place, (lane, each) in enumerate(order)}
    assert number in lanes, f"property {number} has no place yet, see {__name__}"
    return lanes[number]
