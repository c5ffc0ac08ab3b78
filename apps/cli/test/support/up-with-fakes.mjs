/** `wakefleet up` with stand-ins for the API and the worker. Arguments: data folder, ready file, flags. */
import { fileURLToPath } from "node:url";
import { up } from "../../dist/commands/up.js";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const [data, readyFile, ...flags] = process.argv.slice(2);
const port = flags.find((flag) => flag.startsWith("--port="));
try {
  process.exitCode = await up(
    {
      data,
      readyFile,
      port: port === undefined ? 0 : Number(port.slice("--port=".length)),
      workers: 2,
      restart: !flags.includes("--no-restart"),
      printConfig: false,
    },
    { api: file("fake-api.mjs"), worker: file("fake-worker.mjs") },
  );
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
