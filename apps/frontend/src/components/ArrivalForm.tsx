import { type FormEvent, useId, useRef, useState } from "react";
import type { Arrival, Berth, NewArrival, Vessel, VesselKind } from "../api";
import { ApiError, addArrival, randomKey, VESSEL_KINDS } from "../api";
import { Field } from "./Field";

interface Props {
  berths: Berth[];
  vessels: Vessel[];
  onAdded: (arrival: Arrival) => void;
}

interface Draft {
  vessel: string;
  kind: VesselKind;
  berth: string;
  cargo: string;
  note: string;
}

interface Trouble {
  message: string;
  fields: Record<string, string>;
}

const EMPTY: Draft = { vessel: "", kind: "container", berth: "", cargo: "", note: "" };
const MOST_CARGO_TONNES = 600_000;

function toArrival(draft: Draft, berth: string): NewArrival {
  const { vessel, kind, note } = draft;
  return { vessel: vessel.trim(), kind, berth, cargoTonnes: Number(draft.cargo), note: note.trim() };
}

/** Records an arrival. What was typed stays until it is recorded, and a second try of the same is recorded once. */
export function ArrivalForm({ berths, vessels, onAdded }: Props): React.JSX.Element {
  const [draft, setDraft] = useState(EMPTY);
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const [done, setDone] = useState("");
  const key = useRef<string | null>(null);
  const first = useRef<HTMLInputElement>(null);
  const known = useId();
  const berth = draft.berth || (berths[0]?.code ?? "");
  const wrong = trouble?.fields ?? {};

  function change(part: Partial<Draft>): void {
    key.current = null;
    setDraft({ ...draft, ...part });
  }

  function changeVessel(vessel: string): void {
    const kind = vessels.find((ship) => ship.name.toLowerCase() === vessel.trim().toLowerCase())?.kind;
    change(kind === undefined ? { vessel } : { vessel, kind });
  }

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    key.current ??= randomKey();
    setBusy(true);
    setDone("");
    try {
      const arrival = await addArrival(toArrival(draft, berth), key.current);
      onAdded(arrival);
      setTrouble(null);
      setDone(`${arrival.vessel} is in the log.`);
      change({ ...EMPTY, kind: draft.kind, berth });
      first.current?.focus();
    } catch (error) {
      const fields = error instanceof ApiError ? error.fields : {};
      setTrouble({ message: error instanceof Error ? error.message : String(error), fields });
    } finally {
      setBusy(false);
    }
  }

  return (
    <section className="card" aria-labelledby="new-arrival">
      <h2 id="new-arrival">New arrival</h2>
      <form data-testid="add-arrival-form" onSubmit={submit}>
        <Field label="Vessel" error={wrong.vessel}>
          {(attributes) => (
            <input
              {...attributes}
              ref={first}
              name="vessel"
              list={known}
              required
              maxLength={60}
              autoComplete="off"
              value={draft.vessel}
              onChange={(event) => changeVessel(event.target.value)}
            />
          )}
        </Field>
        <datalist id={known}>
          {vessels.map((ship) => (
            <option key={ship.id} value={ship.name} />
          ))}
        </datalist>
        <div className="pair">
          <Field label="Kind" error={wrong.kind}>
            {(attributes) => (
              <select
                {...attributes}
                name="kind"
                value={draft.kind}
                onChange={(event) => change({ kind: event.target.value as VesselKind })}
              >
                {VESSEL_KINDS.map((kind) => (
                  <option key={kind}>{kind}</option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Cargo in tonnes" error={wrong.cargoTonnes}>
            {(attributes) => (
              <input
                {...attributes}
                name="cargo"
                type="number"
                inputMode="numeric"
                min={0}
                max={MOST_CARGO_TONNES}
                step={1}
                placeholder="0"
                value={draft.cargo}
                onChange={(event) => change({ cargo: event.target.value })}
              />
            )}
          </Field>
        </div>
        <Field label="Berth" error={wrong.berth}>
          {(attributes) => (
            <select
              {...attributes}
              name="berth"
              required
              value={berth}
              onChange={(event) => change({ berth: event.target.value })}
            >
              {berths.map((place) => (
                <option key={place.code} value={place.code}>
                  {place.code} · {place.name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Note" error={wrong.note}>
          {(attributes) => (
            <input
              {...attributes}
              name="note"
              maxLength={280}
              autoComplete="off"
              placeholder="From where, for how long"
              value={draft.note}
              onChange={(event) => change({ note: event.target.value })}
            />
          )}
        </Field>
        <button type="submit" disabled={busy || berths.length === 0}>
          {busy ? "Recording" : "Record arrival"}
        </button>
        <p className="said" role="status">
          {done}
        </p>
        {trouble !== null && (
          <p className="trouble" role="alert">
            {trouble.message} Nothing is lost; correct it or try again.
          </p>
        )}
      </form>
    </section>
  );
}
