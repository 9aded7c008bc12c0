import type { Berth, Totals } from "../api";
import { formatCount } from "../format";

interface Props {
  berths: Berth[];
  totals: Totals | null;
}

/** How busy each berth has been so far. */
export function Quays({ berths, totals }: Props): React.JSX.Element | null {
  if (berths.length === 0) {
    return null;
  }
  const counts = new Map(berths.map((berth) => [berth.code, totals?.byBerth[berth.code] ?? 0]));
  const most = Math.max(1, ...counts.values());
  return (
    <section className="card quays" aria-labelledby="quays-title">
      <h2 id="quays-title">Berths</h2>
      <ul>
        {berths.map((berth) => {
          const count = counts.get(berth.code) ?? 0;
          return (
            <li key={berth.code}>
              <span className="berth">{berth.code}</span>
              <span className="name">
                {berth.name}
                <small>
                  {berth.lengthMetres} m long, {berth.depthMetres} m deep
                </small>
              </span>
              <span className="count">{formatCount(count)}</span>
              <meter className="bar" min={0} max={most} value={count} aria-label={`Arrivals at ${berth.name}`} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}
