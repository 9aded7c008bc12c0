/** Numbers and moments as people read them, in the language of the browser. */

import { dayKey } from "./log";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const formatCount = (count: number): string => new Intl.NumberFormat().format(count);

export const formatTime = (moment: string): string =>
  new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(moment));

/** Returns "Today", "Yesterday" or a date, for a day as year-month-day. */
export function formatDay(key: string, now: Date): string {
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (key === dayKey(now)) {
    return "Today";
  }
  if (key === dayKey(yesterday)) {
    return "Yesterday";
  }
  const style: Intl.DateTimeFormatOptions = { weekday: "long", day: "numeric", month: "long" };
  const withYear = key.startsWith(`${now.getFullYear()}-`) ? style : { ...style, year: "numeric" as const };
  return new Intl.DateTimeFormat(undefined, withYear).format(new Date(`${key}T12:00:00`));
}

/** Returns how long ago a moment was, roughly: "just now", "5 min ago", "3 h ago", "2 d ago". */
export function formatAgo(moment: string, now: Date): string {
  const seconds = Math.max(0, (now.getTime() - new Date(moment).getTime()) / 1000);
  if (seconds < MINUTE) {
    return "just now";
  }
  if (seconds < HOUR) {
    return `${Math.floor(seconds / MINUTE)} min ago`;
  }
  return seconds < DAY ? `${Math.floor(seconds / HOUR)} h ago` : `${Math.floor(seconds / DAY)} d ago`;
}
