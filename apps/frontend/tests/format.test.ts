import { describe, expect, it } from "vitest";
import { formatAgo, formatDay } from "../src/format";

const now = new Date("2026-03-01T12:00:00");

describe("days", () => {
  it.each([
    ["2026-03-01", "Today"],
    ["2026-02-28", "Yesterday"],
  ])("%s is %s", (key, expected) => expect(formatDay(key, now)).toBe(expected));

  it("names the year only of other years", () => {
    expect(formatDay("2026-01-15", now)).not.toContain("2026");
    expect(formatDay("2025-12-31", now)).toContain("2025");
  });
});

describe("how long ago", () => {
  it.each([
    ["2026-03-01T12:00:05", "just now"],
    ["2026-03-01T11:59:30", "just now"],
    ["2026-03-01T11:55:00", "5 min ago"],
    ["2026-03-01T09:00:00", "3 h ago"],
    ["2026-02-27T12:00:00", "2 d ago"],
  ])("%s is %s", (moment, expected) => expect(formatAgo(moment, now)).toBe(expected));
});
