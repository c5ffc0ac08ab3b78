#!/usr/bin/env node
/**
 * Builds everything: Prisma's client, the TypeScript of all packages and apps, the console's assets. Each part does
 * nothing when it is up to date. Imports nothing that has to be installed.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { npm, ROOT, run, tool } from "./support/run.mjs";
import { runMain, step } from "./support/say.mjs";

/** Builds what is out of date. Rejects with the compiler's messages. */
export async function build() {
  await step("Making Prisma's client", () =>
    run(process.execPath, [join(ROOT, "scripts", "generate.mjs")], { quiet: true }),
  );
  const [node, ...tsc] = tool("typescript/bin/tsc");
  await step("Compiling", () => run(node, [...tsc, "--build"], { quiet: true }));
  if (hasBuildScript("apps/console")) {
    const [command, ...args] = npm();
    await step("Building the console", () =>
      run(command, [...args, "run", "build", "--workspace", "apps/console"], { quiet: true }),
    );
  }
}

function hasBuildScript(workspace) {
  const file = join(ROOT, workspace, "package.json");
  return existsSync(file) && JSON.parse(readFileSync(file, "utf8")).scripts?.build !== undefined;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await runMain(build);
