import type { Totals } from "../api";
import { formatAgo, formatCount } from "../format";

interface Props {
  totals: Totals | null;
  trouble: string | null;
}

function state({ totals, trouble }: Props): { name: string; text: string } {
  if (trouble !== null) {
    return { name: "waiting", text: totals === null ? "Totals are not available yet" : "Totals are paused" };
  }
  if (totals === null) {
    return { name: "waiting", text: "Reading the totals" };
  }
  const since = totals.updatedAt === null ? "" : `, last change ${formatAgo(totals.updatedAt, new Date())}`;
  return { name: "live", text: `Live${since}` };
}

/** The live totals; while they cannot be read, the last ones known stay. */
export function TotalsStrip(props: Props): React.JSX.Element {
  const { totals } = props;
  const figures: [string, number | undefined, string][] = [
    ["Arrivals", totals?.arrivals, ""],
    ["Vessels", totals?.vessels, ""],
    ["Cargo", totals?.cargoTonnes, " t"],
  ];
  const { name, text } = state(props);
  return (
    <section className="totals" data-testid="totals" aria-label="Totals">
      <dl>
        {figures.map(([label, value, unit]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              {value === undefined ? "–" : formatCount(value)}
              {value !== undefined && unit !== "" && <span className="unit">{unit}</span>}
            </dd>
          </div>
        ))}
      </dl>
      <p className={`state ${name}`}>{text}</p>
    </section>
  );
}
