#!/usr/bin/env node
/**
 * Makes Prisma's client from prisma/schema.prisma, into packages/store/src/generated (not in git).
 * Run it after cloning and after every change of the schema; the build does it by itself. Does nothing when the schema and
 * Prisma's version are those of the last time.
 *
 * `prisma generate` looks for a schema-engine binary that it then does not use, and would download it: it is pointed at an
 * executable that is there already (OP-6).
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const HELP = `Usage: node scripts/generate.mjs [--force]

Makes Prisma's client from prisma/schema.prisma. Skipped when nothing changed.

  --force   make it anyway
  --help    this text
`;

const root = fileURLToPath(new URL("..", import.meta.url));
const schemaFile = path.join(root, "prisma", "schema.prisma");
const generatedDir = path.join(root, "packages", "store", "src", "generated");
const stampFile = path.join(generatedDir, ".schema-sha256");

const args = process.argv.slice(2);
const unknown = args.find((arg) => !["--force", "--help"].includes(arg));
if (args.includes("--help")) {
  process.stdout.write(HELP);
} else if (unknown !== undefined) {
  process.stderr.write(`Unknown argument ${unknown}.\n\n${HELP}`);
  process.exitCode = 2;
} else {
  generate(args.includes("--force"));
}

function generate(force) {
  const require = createRequire(path.join(root, "package.json"));
  const prismaPackage = require.resolve("prisma/package.json");
  const { version } = JSON.parse(readFileSync(prismaPackage, "utf8"));
  const stamp = createHash("sha256").update(`prisma ${version}\n`).update(readFileSync(schemaFile)).digest("hex");
  if (!force && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) {
    process.stdout.write("Prisma client is up to date.\n");
    return;
  }
  rmSync(stampFile, { force: true });
  try {
    execFileSync(
      process.execPath,
      [path.join(path.dirname(prismaPackage), "build", "index.js"), "generate", "--schema", schemaFile],
      {
        cwd: root,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          ...process.env,
          PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
          PRISMA_HIDE_UPDATE_MESSAGE: "1",
          CHECKPOINT_DISABLE: "1",
        },
      },
    );
  } catch (error) {
    process.stderr.write(
      `${error.stdout ?? ""}${error.stderr ?? ""}Prisma's client could not be made from ${schemaFile}: see above.\n`,
    );
    process.exitCode = 1;
    return;
  }
  mkdirSync(generatedDir, { recursive: true });
  writeFileSync(stampFile, stamp);
  process.stdout.write("Prisma client made in packages/store/src/generated.\n");
}
