/** The backend's API: its shapes, and errors that a page can show. */

export const VESSEL_KINDS = ["container", "bulk", "tanker", "ferry", "cruise", "fishing", "tug", "sail"] as const;
export type VesselKind = (typeof VESSEL_KINDS)[number];

export interface Arrival {
  id: number;
  vessel: string;
  kind: VesselKind;
  berth: string;
  cargoTonnes: number;
  note: string;
  arrivedAt: string;
}

export interface ArrivalPage {
  items: Arrival[];
  nextBefore: number | null;
}

export interface Berth {
  code: string;
  name: string;
  lengthMetres: number;
  depthMetres: number;
}

export interface Vessel {
  id: number;
  name: string;
  kind: VesselKind;
}

export interface Totals {
  arrivals: number;
  vessels: number;
  cargoTonnes: number;
  byBerth: Record<string, number>;
  updatedAt: string | null;
}

export interface NewArrival {
  vessel: string;
  kind: VesselKind;
  berth: string;
  cargoTonnes: number;
  note: string;
}

const PATIENCE_MILLISECONDS = 10_000;

/** A request that failed, with a message for people and, where a field is at fault, which. */
export class ApiError extends Error {
  readonly fields: Record<string, string>;

  constructor(message: string, fields: Record<string, string> = {}) {
    super(message);
    this.name = "ApiError";
    this.fields = fields;
  }
}

interface Problem {
  detail?: unknown;
  errors?: { field: string; message: string }[];
}

async function failure(response: Response): Promise<ApiError> {
  // Between us and the backend there may be something that answers with a page instead of a problem.
  const problem: Problem = await response.json().catch(() => ({}));
  const fields = Object.fromEntries((problem.errors ?? []).map((error) => [error.field, error.message]));
  const detail =
    typeof problem.detail === "string" ? problem.detail : `The harbour office answered ${response.status}.`;
  return new ApiError(detail, fields);
}

async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      ...init,
      headers: { Accept: "application/json", ...init.headers },
      signal: init.signal ?? AbortSignal.timeout(PATIENCE_MILLISECONDS),
    });
  } catch {
    throw new ApiError("The harbour office cannot be reached.");
  }
  if (!response.ok) {
    throw await failure(response);
  }
  return (await response.json()) as T;
}

export const fetchBerths = (): Promise<Berth[]> => request("/api/berths");
export const fetchVessels = (): Promise<Vessel[]> => request("/api/vessels");
export const fetchTotals = (): Promise<Totals> => request("/api/totals");
export const fetchArrivals = (before: number | null = null): Promise<ArrivalPage> =>
  request(before === null ? "/api/arrivals" : `/api/arrivals?before=${before}`);

/** Records an arrival; with the same key again it is recorded once. */
export const addArrival = (arrival: NewArrival, key: string): Promise<Arrival> =>
  request("/api/arrivals", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify(arrival),
  });

/** Returns a random UUID; unlike crypto.randomUUID also on pages that came by plain http. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
