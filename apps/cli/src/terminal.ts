/** What the command prints: lines on standard output, errors on standard error, colours only at a terminal. */
import pc from "picocolors";

/** One line on standard output. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A line that tells what is going on, less loud than the results. */
export function sayProgress(line: string): void {
  process.stdout.write(`${pc.dim(line)}\n`);
}

/** An error for a person: its message without a stack. */
export function complain(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${pc.red(message)}\n`);
}

/** `label` and `value` in two columns. */
export function field(label: string, value: string): string {
  return `  ${pc.bold(label.padEnd(12))} ${value}`;
}
