import { describe, expect, it } from "vitest";
import type { Arrival, ArrivalPage } from "../src/api";
import { byDay, type Log, withAdded, withEarlier, withNewest } from "../src/log";

const arrival = (id: number, arrivedAt = "2026-03-01T10:00:00"): Arrival => ({
  id,
  vessel: `Vessel ${id}`,
  kind: "tug",
  berth: "N1",
  cargoTonnes: 0,
  note: "",
  arrivedAt,
});
const range = (from: number, to: number): Arrival[] =>
  Array.from({ length: from - to + 1 }, (_, index) => arrival(from - index));
const page = (from: number, to: number, nextBefore: number | null): ArrivalPage => ({
  items: range(from, to),
  nextBefore,
});
const ids = (log: Log | null): number[] | undefined => log?.arrivals.map((entry) => entry.id);

describe("the log that the page holds", () => {
  it("starts with the newest page", () => {
    expect(withNewest(null, page(9, 5, 5))).toEqual({ arrivals: range(9, 5), nextBefore: 5 });
  });

  it("takes in new entries and keeps the earlier ones that were asked for", () => {
    const log = withEarlier(withNewest(null, page(9, 5, 5)), page(4, 2, 2));
    const later = withNewest(log, page(11, 7, 7));
    expect(ids(later)).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    expect(later.nextBefore).toBe(2);
  });

  it("lets go of what it knew rather than having a gap", () => {
    const later = withNewest(withNewest(null, page(9, 5, 5)), page(40, 30, 30));
    expect(ids(later)).toEqual(range(40, 30).map((entry) => entry.id));
    expect(later.nextBefore).toBe(30);
  });

  it("starts again where the log was emptied", () => {
    expect(withNewest(withNewest(null, page(9, 5, 5)), { items: [], nextBefore: null })).toEqual({
      arrivals: [],
      nextBefore: null,
    });
  });

  it("shows an entry once that was made here and then read", () => {
    const log = withAdded(withNewest(null, page(9, 5, 5)), arrival(10));
    expect(ids(withNewest(log, page(10, 6, 6)))).toEqual([10, 9, 8, 7, 6, 5]);
  });

  it("leaves a log unread that was not read yet, so that its earlier entries are not lost", () => {
    expect(withAdded(null, arrival(1))).toBeNull();
  });

  it("is grouped by local date", () => {
    const days = byDay([
      arrival(3, "2026-03-02T00:00:01"),
      arrival(2, "2026-03-01T23:59:59"),
      arrival(1, "2026-03-01T08:00:00"),
    ]);
    expect(days.map((day) => [day.key, day.arrivals.length])).toEqual([
      ["2026-03-02", 1],
      ["2026-03-01", 2],
    ]);
  });
});
