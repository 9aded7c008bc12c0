import { ArrivalForm } from "./components/ArrivalForm";
import { ArrivalList } from "./components/ArrivalList";
import { Quays } from "./components/Quays";
import { TotalsStrip } from "./components/TotalsStrip";
import { useHarbour } from "./useHarbour";

export function App(): React.JSX.Element {
  const harbour = useHarbour();
  return (
    <>
      <a className="skip" href="#new-arrival">
        Skip to the form
      </a>
      <header className="masthead">
        <svg className="anchor" viewBox="0 0 32 32" aria-hidden="true">
          <circle cx="16" cy="6" r="3" />
          <path d="M16 9v18M10.5 13.5h11M4.5 18c.7 5.5 5.5 9 11.5 9s10.8-3.5 11.5-9" />
        </svg>
        <div>
          <h1>Harbour log</h1>
          <p className="motto">Who moored where, when, and with what aboard</p>
        </div>
      </header>
      <main>
        <TotalsStrip totals={harbour.totals} trouble={harbour.totalsTrouble} />
        <div className="columns">
          <section className="log" aria-labelledby="log-title">
            <h2 id="log-title">Arrivals</h2>
            <ArrivalList
              log={harbour.log}
              berths={harbour.berths}
              trouble={harbour.logTrouble}
              onEarlier={harbour.loadEarlier}
            />
          </section>
          <aside>
            <ArrivalForm berths={harbour.berths} vessels={harbour.vessels} onAdded={harbour.add} />
            <Quays berths={harbour.berths} totals={harbour.totals} />
          </aside>
        </div>
      </main>
    </>
  );
}
