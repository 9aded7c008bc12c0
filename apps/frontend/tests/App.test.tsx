import { cleanup, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, it } from "vitest";
import { App } from "../src/App";
import { Office } from "./office";

let office: Office;
const SOON = { timeout: 5000 };
const rows = (): Promise<HTMLElement[]> => screen.findAllByTestId("arrival-row", undefined, SOON);

beforeEach(async () => {
  office = new Office();
  await office.open();
});
afterEach(async () => {
  cleanup();
  await office.close();
});

it("says that it is reading, then that the log is empty", async () => {
  render(<App />);
  expect(screen.getByText("Reading the log")).toBeDefined();
  expect(await screen.findByText(/No vessel has called yet/, undefined, SOON)).toBeDefined();
});

it("shows the log and the totals", async () => {
  office.record({ vessel: "Aurora", cargoTonnes: 1500, note: "from Turku" });
  render(<App />);
  const [row] = await rows();
  expect(row?.textContent).toContain("Aurora");
  expect(row?.textContent).toContain("from Turku");
  const totals = screen.getByTestId("totals");
  await waitFor(() => expect(totals.textContent).toContain(new Intl.NumberFormat().format(1500)));
});

it("records an arrival and is ready for the next", async () => {
  const user = userEvent.setup();
  render(<App />);
  const form = within(screen.getByTestId("add-arrival-form"));
  await form.findByText("W1 · Fish Dock", undefined, SOON);
  await user.type(form.getByLabelText("Vessel"), " Kittiwake ");
  await user.selectOptions(form.getByLabelText("Kind"), "fishing");
  await user.selectOptions(form.getByLabelText("Berth"), "W1");
  await user.type(form.getByLabelText("Cargo in tonnes"), "12");
  await user.click(form.getByRole("button"));
  expect(await form.findByText("Kittiwake is in the log.", undefined, SOON)).toBeDefined();
  expect((await rows())[0]?.textContent).toContain("Kittiwake");
  expect(office.arrivals[0]).toMatchObject({ vessel: "Kittiwake", kind: "fishing", berth: "W1", cargoTonnes: 12 });
  expect((form.getByLabelText("Vessel") as HTMLInputElement).value).toBe("");
});

it("keeps what was typed when recording fails, says why, and tries again under the same key", async () => {
  const user = userEvent.setup();
  const body = JSON.stringify({ detail: "Not now.", errors: [{ field: "vessel", message: "is on the black list" }] });
  render(<App />);
  const form = within(screen.getByTestId("add-arrival-form"));
  await form.findByText("N1 · North Quay 1", undefined, SOON);
  const vessel = form.getByLabelText("Vessel") as HTMLInputElement;
  await user.type(vessel, "Flying Dutchman");
  office.broken.set("/api/arrivals", { status: 503, type: "application/problem+json", body });
  await user.click(form.getByRole("button"));
  expect((await form.findByRole("alert", undefined, SOON)).textContent).toContain("Not now.");
  expect(vessel.value).toBe("Flying Dutchman");
  expect(vessel.getAttribute("aria-invalid")).toBe("true");
  expect(form.getByText("is on the black list").id).toBe(vessel.getAttribute("aria-describedby"));
  office.broken.clear();
  await user.click(form.getByRole("button"));
  await form.findByText("Flying Dutchman is in the log.", undefined, SOON);
  expect(office.keys).toHaveLength(2);
  expect(new Set(office.keys).size).toBe(1);
});

it("shows what others record by itself", async () => {
  render(<App />);
  await screen.findByText(/No vessel has called yet/, undefined, SOON);
  office.record({ vessel: "Northern Star" });
  const [row] = await rows();
  expect(row?.textContent).toContain("Northern Star");
});

it("tells that the log cannot be read, and shows it when it can be again", async () => {
  office.record({ vessel: "Aurora" });
  office.broken.set("/api/arrivals", { status: 502, type: "text/html", body: "" });
  render(<App />);
  expect((await screen.findByRole("alert", undefined, SOON)).textContent).toContain("The harbour office answered 502.");
  office.broken.clear();
  expect(await rows()).toHaveLength(1);
  expect(screen.queryByRole("alert")).toBeNull();
});

it("says that the totals are paused and keeps the log usable", async () => {
  office.record({ vessel: "Aurora" });
  office.broken.set("/api/totals", { status: 503, type: "application/problem+json", body: '{"detail":"redis"}' });
  render(<App />);
  await screen.findByText("Totals are not available yet", undefined, SOON);
  expect(await rows()).toHaveLength(1);
});

it("turns to earlier pages until the first entry", async () => {
  for (let count = 0; count < 60; count += 1) {
    office.record({});
  }
  const user = userEvent.setup();
  render(<App />);
  expect(await rows()).toHaveLength(50);
  await user.click(screen.getByRole("button", { name: "Earlier arrivals" }));
  await waitFor(() => expect(screen.getAllByTestId("arrival-row")).toHaveLength(60), SOON);
  expect(screen.queryByRole("button", { name: "Earlier arrivals" })).toBeNull();
});
