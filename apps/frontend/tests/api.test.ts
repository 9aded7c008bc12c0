import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ApiError, fetchTotals, randomKey } from "../src/api";
import { Office } from "./office";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
let office: Office;

beforeEach(async () => {
  office = new Office();
  await office.open();
});
afterEach(() => office.close());

async function failure(): Promise<ApiError> {
  return fetchTotals().then(
    () => expect.unreachable("the request should have failed"),
    (error: ApiError) => error,
  );
}

describe("requests", () => {
  it("give what the backend says", async () => {
    office.record({ cargoTonnes: 120 });
    expect(await fetchTotals()).toMatchObject({ arrivals: 1, vessels: 1, cargoTonnes: 120 });
  });

  it("fail with the detail and the fields of a problem", async () => {
    const body = JSON.stringify({ detail: "No such berth.", errors: [{ field: "berth", message: "choose another" }] });
    office.broken.set("/api/totals", { status: 422, type: "application/problem+json", body });
    const error = await failure();
    expect(error.message).toBe("No such berth.");
    expect(error.fields).toEqual({ berth: "choose another" });
  });

  it("fail in words where something answers with a page", async () => {
    office.broken.set("/api/totals", { status: 502, type: "text/html", body: "<h1>Bad Gateway</h1>" });
    expect((await failure()).message).toBe("The harbour office answered 502.");
  });

  it("fail in words where nobody answers", async () => {
    const { fetch } = globalThis;
    await office.close();
    globalThis.fetch = fetch;
    expect((await failure()).message).toBe("The harbour office cannot be reached.");
  });
});

describe("keys", () => {
  it("are random UUIDs", () => {
    const keys = Array.from({ length: 100 }, randomKey);
    expect(keys.every((key) => UUID.test(key))).toBe(true);
    expect(new Set(keys).size).toBe(100);
  });
});
