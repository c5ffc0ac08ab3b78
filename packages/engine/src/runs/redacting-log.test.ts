import { secretValueRedactor } from "@wakefleet/domain";
import type { RunLogWriter } from "@wakefleet/run-logs";
import { describe, expect, it } from "vitest";
import { type ExecutionLog, redactingLog } from "./redacting-log.js";

/** A log that outlives its writers, and what each of them is given. */
function storedLog() {
  const stored: string[] = [];
  const open = (): ExecutionLog => {
    const writer = {
      ref: "ref",
      adoptedMark: null,
      append: async (_stream: string, chunk: string) => {
        if (chunk !== "") stored.push(chunk);
      },
      close: async () => ({ bytes: 0, sha256: "", compressed: false }),
    };
    return redactingLog(writer as unknown as RunLogWriter, secretValueRedactor(["s3cret-value"]));
  };
  return { open, text: () => stored.join("") };
}

describe("SC-8, BY-9 a log that changes hands", () => {
  it("SC-8, BY-9 what could become a secret's value is stored once, by whoever knows its sequel", async () => {
    const log = storedLog();
    const first = log.open();
    await first.append("stdout", "key s3cret");
    await first.leave();
    expect(log.text()).toBe("key ");

    const second = log.open();
    second.pass("stdout", "key s3cret");
    await second.append("stdout", "-value, and s3c");
    await second.close();
    expect(log.text()).toBe("key ***REDACTED***, and s3c");
  });

  it("SC-8 a log that is closed keeps what was held back", async () => {
    const log = storedLog();
    const only = log.open();
    await only.append("stderr", "s3cret");
    await only.close();
    await only.close();
    expect(log.text()).toBe("s3cret");
  });
});
