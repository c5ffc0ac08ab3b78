/**
 * What the scripts print. Plain lines, colours only for a terminal, and a line for whatever takes longer than a second,
 * so that nobody looks at a silent screen. Imports nothing that has to be installed.
 */
const COLOURS = { bold: 1, red: 31, green: 32, yellow: 33, dim: 2 };

/** `text` in a colour when standard output is a terminal that wants colours. */
export function paint(colour, text) {
  const wanted = process.stdout.isTTY === true && !process.env.NO_COLOR;
  return wanted ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
}

/** One line on standard output. */
export function say(line) {
  process.stdout.write(`${line}\n`);
}

/** One line on standard error, red. */
export function complain(line) {
  process.stderr.write(`${paint("red", line)}\n`);
}

/** Runs `work`; when it takes longer than a second, says `title` and then how long it took. */
export async function step(title, work) {
  const started = performance.now();
  const timer = setTimeout(() => say(`${title} …`), 1_000);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
    const seconds = (performance.now() - started) / 1_000;
    if (seconds >= 1) say(paint("dim", `${title}: ${seconds.toFixed(1)} s`));
  }
}

/**
 * Runs a script's main function: an error is one message, not a stack, and ends with exit code 1. `main` may answer the
 * exit code.
 */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    complain(error.message);
    if (process.env.DEBUG) process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  }
}
