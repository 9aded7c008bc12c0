import { useState } from "react";
import type { Arrival, Berth } from "../api";
import { formatCount, formatDay, formatTime } from "../format";
import { byDay, type Log } from "../log";

interface Props {
  log: Log | null;
  berths: Berth[];
  trouble: string | null;
  onEarlier: () => Promise<void>;
}

const SKELETON = ["one", "two", "three", "four"];

function Row({ arrival, berth }: { arrival: Arrival; berth: Berth | undefined }): React.JSX.Element {
  return (
    <li className="row" data-testid="arrival-row">
      <time dateTime={arrival.arrivedAt}>{formatTime(arrival.arrivedAt)}</time>
      <div className="what">
        <p className="vessel">
          {arrival.vessel} <span className="kind">{arrival.kind}</span>
        </p>
        {arrival.note !== "" && <p className="note">{arrival.note}</p>}
      </div>
      <p className="cargo">{arrival.cargoTonnes > 0 && `${formatCount(arrival.cargoTonnes)} t`}</p>
      <abbr className="berth" title={berth?.name ?? "Berth"}>
        {arrival.berth}
      </abbr>
    </li>
  );
}

function Loading(): React.JSX.Element {
  return (
    <div role="status">
      <span className="hidden">Reading the log</span>
      <ol className="rows" aria-hidden="true">
        {SKELETON.map((name) => (
          <li className="row skeleton" key={name} />
        ))}
      </ol>
    </div>
  );
}

/** The log by days, newest entry first, and what to say where there is none or it cannot be read. */
export function ArrivalList({ log, berths, trouble, onEarlier }: Props): React.JSX.Element {
  const [loading, setLoading] = useState(false);
  const places = new Map(berths.map((berth) => [berth.code, berth]));
  const now = new Date();

  async function earlier(): Promise<void> {
    setLoading(true);
    await onEarlier();
    setLoading(false);
  }

  return (
    <>
      {trouble !== null && (
        <p className="trouble" role="alert">
          {trouble} {log === null ? "Trying again." : "Below is what was known before; trying again."}
        </p>
      )}
      {log === null && trouble === null && <Loading />}
      {log?.arrivals.length === 0 && (
        <p className="empty">No vessel has called yet. The first arrival that you record opens the log.</p>
      )}
      {log !== null &&
        byDay(log.arrivals).map((day) => (
          <section key={`${day.key} ${day.arrivals[0]?.id}`} aria-label={formatDay(day.key, now)}>
            <h3>{formatDay(day.key, now)}</h3>
            <ol className="rows">
              {day.arrivals.map((arrival) => (
                <Row key={arrival.id} arrival={arrival} berth={places.get(arrival.berth)} />
              ))}
            </ol>
          </section>
        ))}
      {log !== null && log.nextBefore !== null && (
        <button type="button" className="quiet" onClick={earlier} disabled={loading}>
          {loading ? "Turning the page" : "Earlier arrivals"}
        </button>
      )}
    </>
  );
}
