/** The command line, for the scripts of the checkout and for `bin/wakefleet.mjs`. */
export { main } from "./main.js";
