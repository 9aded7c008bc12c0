"""Events and totals: what is written to Redis is read back, and what is not counted is found."""

import pytest
from harbour.events import ArrivalRecorded, MalformedEventError
from harbour.totals import CHUNK, Totals, berth_field, bitmap_key, bitmap_offset, uncounted
from hypothesis import given
from hypothesis import strategies as st

_IDS = st.integers(min_value=1, max_value=2**53 - 1)


@given(
    st.builds(
        ArrivalRecorded,
        arrival_id=_IDS,
        vessel_id=_IDS,
        berth=st.text(min_size=1, max_size=8),
        cargo_tonnes=st.integers(min_value=0, max_value=600_000),
    )
)
def test_an_event_survives_the_stream(event: ArrivalRecorded) -> None:
    assert ArrivalRecorded.from_fields({**event.to_fields(), "added_later": "x"}) == event


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("type", "arrival.deleted", "type is 'arrival.deleted'"),
        ("arrival_id", "", "arrival_id is missing"),
        ("arrival_id", "-3", "arrival_id is '-3', not a whole number"),
        ("vessel_id", "9" * 17, "vessel_id is"),
        ("cargo_tonnes", "12.5", "cargo_tonnes is '12.5'"),
        ("berth", "", "berth is missing"),
    ],
)
def test_a_malformed_event_names_its_field(field: str, value: str, message: str) -> None:
    fields = ArrivalRecorded(arrival_id=1, vessel_id=2, berth="A1", cargo_tonnes=3).to_fields() | {field: value}
    with pytest.raises(MalformedEventError, match=message):
        ArrivalRecorded.from_fields(fields)


def test_no_totals_yet_are_all_zero() -> None:
    totals = Totals.from_hash({})
    assert (totals.arrivals, totals.vessels, totals.cargo_tonnes, totals.by_berth, totals.updated_at) == (
        0,
        0,
        0,
        {},
        None,
    )


def test_totals_are_read_from_their_hash() -> None:
    totals = Totals.from_hash(
        {
            "arrivals": "3",
            "vessels": "2",
            "cargo_tonnes": "1500",
            berth_field("A1"): "2",
            berth_field("B2"): "1",
            "updated_at": "1500",
        }
    )
    assert (totals.arrivals, totals.vessels, totals.cargo_tonnes) == (3, 2, 1500)
    assert totals.by_berth == {"A1": 2, "B2": 1}
    assert totals.updated_at is not None
    assert totals.updated_at.isoformat() == "1970-01-01T00:00:01.500000+00:00"


def test_each_chunk_of_arrivals_has_its_own_bitmap() -> None:
    assert bitmap_key(CHUNK - 1) != bitmap_key(CHUNK)
    assert bitmap_offset(CHUNK) == 0


@given(st.sets(st.integers(min_value=0, max_value=2000)), st.sets(st.integers(min_value=0, max_value=2000)))
def test_exactly_the_arrivals_without_a_bit_are_uncounted(counted: set[int], asked: set[int]) -> None:
    bitmap = bytearray(max(counted, default=-1) // 8 + 1)
    for arrival_id in counted:  # as SETBIT does: bit 0 is the highest of byte 0
        bitmap[arrival_id // 8] |= 0x80 >> arrival_id % 8
    assert set(uncounted(bytes(bitmap), sorted(asked))) == asked - counted
