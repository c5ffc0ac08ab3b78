/** A corner of the run's Redis for each test: tests share the server and never flush it. */
import { randomBytes } from "node:crypto";

/** A key prefix that nobody else uses; keys under it may be left behind, the server ends with the run. */
export function testRedisPrefix(): string {
  return `wft-${randomBytes(6).toString("hex")}`;
}
