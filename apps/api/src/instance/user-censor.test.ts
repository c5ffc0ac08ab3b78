import { expect, it } from "vitest";
import { createUserCensor } from "./user-censor.js";

const USER = { names: ["builder"], homes: ["/srv/homes/builder"] };

/** A censor over a settings row that the test changes; `reads` counts how often it was asked for. */
function overSettings(settings: { isOn: boolean; isAway: boolean }) {
  let reads = 0;
  const query = <Row>(): Promise<Row[]> => {
    reads += 1;
    if (settings.isAway) return Promise.reject(new Error("away"));
    return Promise.resolve([{ general: { censorUsernameInLogs: settings.isOn }, experimental: {} }] as Row[]);
  };
  const censor = createUserCensor({ db: { sql: { query } }, user: USER, log: { warn: () => undefined } });
  return { censor, reads: () => reads };
}

it("IN-2 masks texts at any depth and leaves the names of members and longer words", async () => {
  const { censor } = overSettings({ isOn: true, isAway: false });
  await censor.refresh();
  expect(censor.mask("builder in /srv/homes/builder/x, prebuilders")).toBe(
    "b****** in /srv/homes/b******/x, prebuilders",
  );
  expect(censor.maskJson({ builder: ["builder", { by: "builder", n: 1, none: null }] })).toEqual({
    builder: ["b******", { by: "b******", n: 1, none: null }],
  });
});

it("IN-1, IN-2 leaves everything while it is off, and reads the setting once for many texts", async () => {
  const { censor, reads } = overSettings({ isOn: false, isAway: false });
  for (let text = 0; text < 100; text += 1) {
    await censor.refresh();
    expect(censor.mask("builder")).toBe("builder");
  }
  expect(reads()).toBe(1);
});

it("IN-1, IN-2 a database that is away fails nothing", async () => {
  const { censor } = overSettings({ isOn: true, isAway: true });
  await censor.refresh();
  expect(censor.mask("builder")).toBe("builder");
});
