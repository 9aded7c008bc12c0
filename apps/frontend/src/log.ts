/** The part of the log that the page holds, and how new parts join it. */

import type { Arrival, ArrivalPage } from "./api";

export interface Log {
  /** Newest entry first, without gaps. */
  arrivals: Arrival[];
  /** Asks for what comes after the last entry; null where that is the log's first. */
  nextBefore: number | null;
}

function union(first: Arrival[], second: Arrival[]): Arrival[] {
  const byId = new Map([...second, ...first].map((arrival) => [arrival.id, arrival]));
  return [...byId.values()].sort((one, other) => other.id - one.id);
}

/** Joins the newest page. Where more was added meanwhile than it holds, what was known before is let go: no gaps. */
export function withNewest(log: Log | null, page: ArrivalPage): Log {
  const oldest = page.items.at(-1);
  const known = log?.arrivals[0];
  const meets = oldest !== undefined && known !== undefined && (page.nextBefore === null || oldest.id <= known.id);
  if (log === null || !meets) {
    return { arrivals: page.items, nextBefore: page.nextBefore };
  }
  return { arrivals: union(page.items, log.arrivals), nextBefore: log.nextBefore };
}

/** Joins the page that comes after the last entry. */
export function withEarlier(log: Log, page: ArrivalPage): Log {
  return { arrivals: union(log.arrivals, page.items), nextBefore: page.nextBefore };
}

/** Joins an entry that was just made here; a log that was not read yet will come with it. */
export function withAdded(log: Log | null, arrival: Arrival): Log | null {
  return log === null ? null : { arrivals: union([arrival], log.arrivals), nextBefore: log.nextBefore };
}

export interface Day {
  /** Local date as year-month-day. */
  key: string;
  arrivals: Arrival[];
}

/** Returns the local date of a moment as year-month-day. */
export function dayKey(moment: Date): string {
  const part = (value: number): string => String(value).padStart(2, "0");
  return `${moment.getFullYear()}-${part(moment.getMonth() + 1)}-${part(moment.getDate())}`;
}

/** Groups entries by local date, keeping their order. */
export function byDay(arrivals: Arrival[]): Day[] {
  const days: Day[] = [];
  for (const arrival of arrivals) {
    const key = dayKey(new Date(arrival.arrivedAt));
    const last = days.at(-1);
    if (last?.key === key) {
      last.arrivals.push(arrival);
    } else {
      days.push({ key, arrivals: [arrival] });
    }
  }
  return days;
}
