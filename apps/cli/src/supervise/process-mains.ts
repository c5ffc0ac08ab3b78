/** The files that run the fleet's processes, found beside this app: whoever starts one starts it by file. */
import { fileURLToPath } from "node:url";

export const API_MAIN: string = fileURLToPath(new URL("../../../api/dist/main.js", import.meta.url));
export const WORKER_MAIN: string = fileURLToPath(new URL("../../../worker/dist/main.js", import.meta.url));

/** The files to start in their place, for tests of the supervision itself. */
export interface ProcessMains {
  readonly api: string;
  readonly worker: string;
}
