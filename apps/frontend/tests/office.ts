/** A harbour office on a loopback port: the backend's API over real HTTP, with a log in memory. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Arrival, Berth, NewArrival } from "../src/api";

export const BERTHS: Berth[] = [
  { code: "N1", name: "North Quay 1", lengthMetres: 380, depthMetres: 16.5 },
  { code: "W1", name: "Fish Dock", lengthMetres: 90, depthMetres: 5 },
];
const PAGE = 50;

async function body(request: IncomingMessage): Promise<NewArrival> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}

export class Office {
  arrivals: Arrival[] = [];
  /** Answers to give instead, by path. */
  readonly broken = new Map<string, { status: number; type: string; body: string }>();
  readonly keys: string[] = [];
  private readonly server: Server;
  private readonly fetch = globalThis.fetch;

  constructor() {
    this.server = createServer((request, response) => void this.answer(request, response));
  }

  async open(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
    const { port } = this.server.address() as AddressInfo;
    // The page asks for paths, which only a browser can complete.
    globalThis.fetch = (path, init) => this.fetch(`http://127.0.0.1:${port}${path}`, init);
  }

  async close(): Promise<void> {
    globalThis.fetch = this.fetch;
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  record(arrival: Partial<Arrival>): Arrival {
    const id = this.arrivals.length + 1;
    const entry: Arrival = {
      id,
      vessel: `Vessel ${id}`,
      kind: "tug",
      berth: "N1",
      cargoTonnes: 0,
      note: "",
      arrivedAt: new Date().toISOString(),
      ...arrival,
    };
    this.arrivals.unshift(entry);
    return entry;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://office");
    const broken = this.broken.get(url.pathname);
    const send = (status: number, type: string, text: string): void => {
      response.writeHead(status, { "Content-Type": type }).end(text);
    };
    if (request.method === "POST") {
      this.keys.push(String(request.headers["idempotency-key"]));
    }
    if (broken !== undefined) {
      send(broken.status, broken.type, broken.body);
    } else if (request.method === "POST") {
      send(201, "application/json", JSON.stringify(this.record(await body(request))));
    } else {
      send(200, "application/json", JSON.stringify(this.read(url)));
    }
  }

  private read(url: URL): unknown {
    const before = Number(url.searchParams.get("before") ?? Number.POSITIVE_INFINITY);
    const found = this.arrivals.filter((arrival) => arrival.id < before);
    const items = found.slice(0, PAGE);
    const vessels = [
      ...new Map(this.arrivals.map(({ id, vessel, kind }) => [vessel, { id, name: vessel, kind }])).values(),
    ];
    switch (url.pathname) {
      case "/api/berths":
        return BERTHS;
      case "/api/vessels":
        return vessels;
      case "/api/totals":
        return {
          arrivals: this.arrivals.length,
          vessels: vessels.length,
          cargoTonnes: this.arrivals.reduce((sum, arrival) => sum + arrival.cargoTonnes, 0),
          byBerth: { N1: this.arrivals.length },
          updatedAt: this.arrivals[0]?.arrivedAt ?? null,
        };
      default:
        return { items, nextBefore: found.length > PAGE ? (items.at(-1)?.id ?? null) : null };
    }
  }
}
