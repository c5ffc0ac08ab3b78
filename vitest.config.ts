/**
 * Three projects: `unit` beside the code it tests, `e2e` over real processes, `browser` in a real browser.
 * All share one PostgreSQL and one Redis, started by the testkit. Files run in processes of their own, two at a time:
 * many of them start servers and children, and more would only make them wait for each other.
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { defineConfig } from "vitest/config";

/** A machine without a browser passes the other tests (OP-1); CI installs one. */
const BROWSERS = ["chromium", "chromium-browser", "google-chrome"];
const hasBrowser = BROWSERS.some((name) =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => isExecutable(join(folder, name))),
);
if (!hasBrowser) process.stdout.write("No chromium on the PATH: the browser tests are left out.\n");

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export default defineConfig({
  test: {
    globalSetup: ["packages/testkit/src/global-setup.ts"],
    pool: "forks",
    maxWorkers: 2,
    restoreMocks: true,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/{src,test}/**/*.test.ts", "apps/*/{src,test}/**/*.test.ts", "scripts/**/*.test.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: [
            "test/e2e/**/*.test.ts",
            "test/torture/**/*.test.ts",
            "test/model/**/*.test.ts",
            "test/bench/**/*.test.ts",
          ],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          // Leaves out each agent whose own command line is not installed (npm run test:agents installs them).
          name: "agents",
          include: ["test/agents/*.test.ts"],
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
      ...(hasBrowser
        ? [
            {
              extends: true as const,
              test: {
                name: "browser",
                include: ["test/browser/**/*.test.ts"],
                testTimeout: 120_000,
                hookTimeout: 120_000,
              },
            },
          ]
        : []),
    ],
  },
});
