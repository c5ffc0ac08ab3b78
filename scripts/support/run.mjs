/**
 * Runs the programs that the scripts are made of.
 *
 * What must stay true: a program never outlives the script that started it; a signal that ends the script is passed on
 * first. Imports nothing that has to be installed.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The top folder of the checkout. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Runs a command in {@link ROOT} and settles when it ended well.
 * `quiet` keeps its output back and shows it only in the error. Rejects with a message that has the command.
 */
export async function run(command, args, { quiet = false, env = process.env } = {}) {
  const { code, said } = await attempt(command, args, { quiet, env });
  if (code === 0) return;
  throw new Error(`${said === "" ? "" : `${said.trimEnd()}\n`}\`${[command, ...args].join(" ")}\` ended with ${code}.`);
}

/** As {@link run}, but answers `{code, said}` whatever the end was. */
export function attempt(command, args, { quiet = false, env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env,
      stdio: ["ignore", quiet ? "pipe" : "inherit", quiet ? "pipe" : "inherit"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk) => {
        said += chunk;
      });
    }
    const pass = (signal) => child.kill(signal);
    const end = (signal) => {
      pass(signal);
      child.once("close", () => process.exit(signal === "SIGINT" ? 130 : 143));
    };
    const handlers = ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => [signal, () => end(signal)]);
    for (const [signal, handler] of handlers) process.on(signal, handler);
    const clear = () => {
      for (const [signal, handler] of handlers) process.off(signal, handler);
    };
    child.once("error", (error) => {
      clear();
      reject(new Error(`\`${command}\` could not be started: ${error.message}`));
    });
    child.once("close", (code, signal) => {
      clear();
      resolve({ code: code ?? signal, said });
    });
  });
}

/** Path of a tool's program in node_modules, started with this very Node. */
export function tool(path) {
  return [process.execPath, `${ROOT}node_modules/${path}`];
}

/** npm as it was called, else the one on the PATH. */
export function npm() {
  const path = process.env.npm_execpath;
  return path?.endsWith(".js") ? [process.execPath, path] : ["npm"];
}
