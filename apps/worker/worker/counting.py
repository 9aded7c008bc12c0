"""Counting an event exactly once, however often it is delivered."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harbour.events import GROUP, STREAM
from harbour.totals import TOTALS, VESSELS, berth_field, bitmap_key, bitmap_offset

if TYPE_CHECKING:
    from harbour.events import ArrivalRecorded

COUNT = """
-- KEYS: bitmap of counted arrivals, totals, vessels, stream
-- ARGV: bit, vessel id, berth's field, cargo tonnes, milliseconds since 1970, group, entry
local fresh = redis.call('SETBIT', KEYS[1], ARGV[1], 1) == 0
if fresh then
  redis.call('HINCRBY', KEYS[2], 'arrivals', 1)
  redis.call('HINCRBY', KEYS[2], 'cargo_tonnes', ARGV[4])
  redis.call('HINCRBY', KEYS[2], ARGV[3], 1)
  if redis.call('SADD', KEYS[3], ARGV[2]) == 1 then
    redis.call('HINCRBY', KEYS[2], 'vessels', 1)
  end
  redis.call('HSET', KEYS[2], 'updated_at', ARGV[5])
end
redis.call('XACK', KEYS[4], ARGV[6], ARGV[7])
redis.call('XDEL', KEYS[4], ARGV[7])
return fresh and 1 or 0
"""
"""Runs as one step in Redis: an entry is counted and gone from the stream, or neither. Gives 1 if it was new, else 0."""


def script_keys(event: ArrivalRecorded) -> list[str]:
    """Return the keys of `COUNT` for an event."""
    return [bitmap_key(event.arrival_id), TOTALS, VESSELS, STREAM]


def script_arguments(event: ArrivalRecorded, entry: str) -> list[str | int]:
    """Return the arguments of `COUNT` for the event in stream entry `entry`."""
    return [
        bitmap_offset(event.arrival_id),
        event.vessel_id,
        berth_field(event.berth),
        event.cargo_tonnes,
        int(time.time() * 1000),
        GROUP,
        entry,
    ]
