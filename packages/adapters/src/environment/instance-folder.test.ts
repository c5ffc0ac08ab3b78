import { homedir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { companyFolder } from "./instance-folder.js";

describe("AD-112 AD-143 the folder of a company", () => {
  it.each([
    [{}, "c1", path.join(homedir(), ".wakefleet/instances/default/companies/c1")],
    [{ WAKEFLEET_HOME: "/srv/w", WAKEFLEET_INSTANCE_ID: "two" }, "c1", "/srv/w/instances/two/companies/c1"],
    [{ PAPERCLIP_HOME: "~/p", PAPERCLIP_INSTANCE_ID: "x" }, "c1", path.join(homedir(), "p/instances/x/companies/c1")],
    [{ WAKEFLEET_HOME: "~" }, "c1", path.join(homedir(), "instances/default/companies/c1")],
    [{ WAKEFLEET_HOME: "/srv/w" }, "../../etc", "/srv/w/instances/default/companies/..-..-etc"],
    [{ WAKEFLEET_HOME: "/srv/w" }, "..", "/srv/w/instances/default/companies/company"],
  ])("AD-112 of %j and %j", (env, companyId, expected) => {
    expect(companyFolder(env, companyId)).toBe(expected);
  });

  it("AD-112 refuses an instance id that leads elsewhere", () => {
    expect(() => companyFolder({ WAKEFLEET_INSTANCE_ID: "../x" }, "c1")).toThrow(/Invalid WAKEFLEET_INSTANCE_ID/);
  });
});
