import { useCallback, useRef, useState } from "react";
import type { Arrival, Berth, Totals, Vessel } from "./api";
import { fetchArrivals, fetchBerths, fetchTotals, fetchVessels } from "./api";
import type { Log } from "./log";
import { withAdded, withEarlier, withNewest } from "./log";
import { usePolling } from "./usePolling";

const EVERY_MILLISECONDS = 2000;
/** The log is also read again without a sign of news, as the totals may be out of order. */
const LOG_EVERY_TURNS = 5;

export interface Harbour {
  log: Log | null;
  totals: Totals | null;
  berths: Berth[];
  vessels: Vessel[];
  /** Why the log, or the totals, could not be read the last time; null where they could. */
  logTrouble: string | null;
  totalsTrouble: string | null;
  loadEarlier: () => Promise<void>;
  add: (arrival: Arrival) => void;
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Everything that the page shows, kept up to date. */
export function useHarbour(): Harbour {
  const [log, setLog] = useState<Log | null>(null);
  const [totals, setTotals] = useState<Totals | null>(null);
  const [berths, setBerths] = useState<Berth[]>([]);
  const [vessels, setVessels] = useState<Vessel[]>([]);
  const [logTrouble, setLogTrouble] = useState<string | null>(null);
  const [totalsTrouble, setTotalsTrouble] = useState<string | null>(null);
  const seen = useRef({ arrivals: -1, turns: 0, berths: 0 });

  const readTotals = useCallback(async (): Promise<boolean> => {
    try {
      const found = await fetchTotals();
      const news = found.arrivals !== seen.current.arrivals;
      seen.current.arrivals = found.arrivals;
      setTotals(found);
      setTotalsTrouble(null);
      return news;
    } catch (error) {
      setTotalsTrouble(reason(error));
      return false;
    }
  }, []);

  const readLog = useCallback(async (): Promise<boolean> => {
    try {
      const [page, ships] = await Promise.all([fetchArrivals(), fetchVessels()]);
      if (seen.current.berths === 0) {
        const places = await fetchBerths();
        seen.current.berths = places.length;
        setBerths(places);
      }
      setLog((known) => withNewest(known, page));
      setVessels(ships);
      setLogTrouble(null);
      return true;
    } catch (error) {
      setLogTrouble(reason(error));
      seen.current.turns = 0;
      return false;
    }
  }, []);

  usePolling(async () => {
    const due = seen.current.turns % LOG_EVERY_TURNS === 0;
    seen.current.turns += 1;
    const [news, read] = await Promise.all([readTotals(), due ? readLog() : true]);
    return news && !due ? readLog() : read;
  }, EVERY_MILLISECONDS);

  const nextBefore = log?.nextBefore ?? null;
  const loadEarlier = useCallback(async (): Promise<void> => {
    if (nextBefore === null) {
      return;
    }
    try {
      const page = await fetchArrivals(nextBefore);
      setLog((known) => (known === null ? known : withEarlier(known, page)));
    } catch (error) {
      setLogTrouble(reason(error));
    }
  }, [nextBefore]);

  const add = useCallback((arrival: Arrival) => setLog((known) => withAdded(known, arrival)), []);

  return { log, totals, berths, vessels, logTrouble, totalsTrouble, loadEarlier, add };
}
