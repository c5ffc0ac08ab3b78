import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { budgetWindow } from "./budget-window.js";
import { defaultWindowKind, settlePolicy } from "./policy-setting.js";
import { budgetStatus, utilizationPercent, warningAmount } from "./policy-status.js";
import { judgeIncidentAction } from "./resolve-incident.js";

describe("BU-2 windows", () => {
  it.each([
    ["2026-11-24T10:00:00.000Z", "2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"],
    ["2026-12-31T23:59:59.999Z", "2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"],
    ["2027-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z", "2027-02-01T00:00:00.000Z"],
    ["2028-02-29T12:00:00.000Z", "2028-02-01T00:00:00.000Z", "2028-03-01T00:00:00.000Z"],
  ])("BU-2 the month of %s", (now, start, end) => {
    const window = budgetWindow("calendar_month_utc", new Date(now));
    expect([window.start.toISOString(), window.end.toISOString()]).toEqual([start, end]);
  });

  it("BU-2 lifetime is written as 1970 to 9999", () => {
    const window = budgetWindow("lifetime", new Date());
    expect([window.start.toISOString(), window.end.toISOString()]).toEqual([
      "1970-01-01T00:00:00.000Z",
      "9999-01-01T00:00:00.000Z",
    ]);
  });

  it("BU-2 every instant lies in its own window, and windows meet without a gap", () => {
    const instants = fc.date({ min: new Date("1971-01-01"), max: new Date("2200-01-01"), noInvalidDate: true });
    fc.assert(
      fc.property(instants, (now) => {
        const { start, end } = budgetWindow("calendar_month_utc", now);
        expect(start <= now && now < end).toBe(true);
        expect(budgetWindow("calendar_month_utc", end).start).toEqual(end);
      }),
    );
  });
});

describe("BU-4 status", () => {
  it.each([
    [{ amount: 0, observed: 500 }, "ok"],
    [{ amount: 100, observed: 79 }, "ok"],
    [{ amount: 100, observed: 80 }, "warning"],
    [{ amount: 100, observed: 100 }, "hard_stop"],
    [{ amount: 100, observed: 500, isActive: false }, "ok"],
    // 80 % of 7 cents are 5.6: rounded up.
    [{ amount: 7, observed: 5 }, "ok"],
    [{ amount: 7, observed: 6 }, "warning"],
    [{ amount: 1, observed: 1 }, "hard_stop"],
  ] as const)("BU-4 %o is %s", (use, status) => {
    expect(budgetStatus({ isActive: true, warnPercent: 80, ...use })).toBe(status);
  });

  it("BU-4 the warning of the greatest amount is exact", () => {
    expect(warningAmount({ amount: 2_147_483_647, warnPercent: 99 })).toBe(2_126_008_811);
  });

  it.each([
    [1, 3, 33.33],
    [2, 3, 66.67],
    [150, 100, 150],
    [5, 0, 0],
  ])("BU-11, BU-45 %d of %d is %d percent", (used, amount, percent) => {
    expect(utilizationPercent(used, amount)).toBe(percent);
  });
});

describe("BU-5, BU-9 what an upsert stores", () => {
  const stored = { amount: 50, warnPercent: 60, hardStopEnabled: false, notifyEnabled: false, isActive: false };

  it("BU-1 a new policy takes the defaults", () => {
    expect(settlePolicy({ amount: 100 }, null)).toEqual({
      amount: 100,
      warnPercent: 80,
      hardStopEnabled: true,
      notifyEnabled: true,
      isActive: true,
    });
  });

  it("BU-9 a field left out keeps its stored value; BU-5 a limit that is set is active", () => {
    expect(settlePolicy({ amount: 100 }, stored)).toEqual({ ...stored, amount: 100, isActive: true });
  });

  it("BU-5 the amount is floored and never negative, and without one nothing is active", () => {
    expect(settlePolicy({ amount: 12.9 }, null).amount).toBe(12);
    expect(settlePolicy({ amount: -3, isActive: true }, null)).toMatchObject({ amount: 0, isActive: false });
    expect(settlePolicy({ amount: 10, isActive: false }, null).isActive).toBe(false);
  });

  it.each([
    ["project", "lifetime"],
    ["agent", "calendar_month_utc"],
    ["company", "calendar_month_utc"],
  ] as const)("BU-9 the window of a %s is %s", (scope, kind) => {
    expect(defaultWindowKind(scope)).toBe(kind);
  });
});

describe("BU-34, BU-35 an answer to an incident", () => {
  const raise = (amount: number | undefined) => ({ action: "raise_budget_and_resume", amount }) as const;
  it.each([
    [raise(101), "open", { kind: "raise", amount: 101 }],
    [raise(101.9), "open", { kind: "raise", amount: 101 }],
    [
      raise(100),
      "open",
      { kind: "refuse", code: "unprocessable", text: "New budget must exceed current observed spend" },
    ],
    [raise(100.5), "open", { kind: "refuse", code: "unprocessable" }],
    [
      raise(undefined),
      "open",
      { kind: "refuse", code: "bad_request", text: "amount is required when raising a budget" },
    ],
    [raise(101), "resolved", { kind: "refuse", code: "conflict", rule: "BU-35" }],
    [raise(101), "dismissed", { kind: "refuse", code: "conflict", rule: "BU-35" }],
    [{ action: "keep_paused" }, "open", { kind: "dismiss" }],
    [{ action: "keep_paused" }, "dismissed", { kind: "refuse", code: "conflict", rule: "BU-35" }],
  ] as const)("BU-34 %o of an %s one", (asked, status, verdict) => {
    expect(judgeIncidentAction(asked, { status, observed: 100 })).toMatchObject(verdict);
  });
});
