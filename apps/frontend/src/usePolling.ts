import { useEffect, useRef } from "react";

const LONGEST_MILLISECONDS = 15_000;

/**
 * Runs a task again and again while the page is visible, and at once when it becomes so. The task tells whether it
 * went well; after failures in a row the pauses grow, so that a server in trouble is not knocked at all the time.
 */
export function usePolling(task: () => Promise<boolean>, everyMilliseconds: number): void {
  const latest = useRef(task);
  useEffect(() => {
    latest.current = task;
  });
  useEffect(() => {
    let timer: number | undefined;
    let failures = 0;
    let ended = false;
    let running = false;

    async function turn(): Promise<void> {
      window.clearTimeout(timer);
      if (running || ended || document.hidden) {
        return;
      }
      running = true;
      failures = (await latest.current()) ? 0 : failures + 1;
      running = false;
      if (!ended) {
        const pause = Math.min(LONGEST_MILLISECONDS, everyMilliseconds * 2 ** Math.min(failures, 8));
        timer = window.setTimeout(turn, failures === 0 ? everyMilliseconds : pause);
      }
    }

    const onVisible = (): void => void turn();
    document.addEventListener("visibilitychange", onVisible);
    void turn();
    return () => {
      ended = true;
      window.clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, [everyMilliseconds]);
}
