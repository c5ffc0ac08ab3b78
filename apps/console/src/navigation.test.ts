import { describe, expect, it } from "vitest";
import { placeOf } from "./navigation.js";

describe("OP-21 addresses of the console", () => {
  it.each([
    ["/", { page: "fleet" }],
    ["", { page: "fleet" }],
    ["/agents", { page: "agents" }],
    ["/agents/", { page: "agents" }],
    ["/agents/a1", { page: "agent", id: "a1" }],
    ["/runs", { page: "runs" }],
    ["/runs/r%201", { page: "run", id: "r 1" }],
    ["/issues/ACM-12", { page: "issue", id: "ACM-12" }],
    ["/issues", { page: "unknown" }],
    ["/runs/a/b", { page: "unknown" }],
    ["/runs/%E0%A4", { page: "unknown" }],
    ["/nothing", { page: "unknown" }],
  ])("OP-21 %s", (path, place) => expect(placeOf(path)).toEqual(place));
});
