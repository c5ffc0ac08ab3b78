/**
 * What one configuration variable is: its name, how its text is read, what it is when absent, and what a person needs to
 * know about it. Everything else (errors, `--print-config`, README's table) is derived from these.
 */
import { z } from "zod";

/** How a value may be shown: as it is, with the passwords of its URL hidden, or not at all. */
export type Secrecy = "open" | "url" | "secret";

export interface Variable<Schema extends z.ZodType> {
  /** Name in the environment. */
  readonly name: string;
  /** Reads the text; its messages are written to follow the variable's name ("must be …"). */
  readonly schema: Schema;
  /** Text used when the variable is absent; null when absence is a value of its own (read as null). */
  readonly default: string | null;
  readonly example: string;
  /** One or two sentences for README's table: what it does, its unit. */
  readonly description: string;
  readonly secrecy: Secrecy;
}

/** A variable that always has a value: it has a default, or {@link Variable.default} is null and it must be given. */
export function variable<Schema extends z.ZodType>(
  spec: Omit<Variable<Schema>, "secrecy"> & { readonly secrecy?: Secrecy },
): Variable<Schema> {
  return { secrecy: "open", ...spec };
}

/** An integer between `min` and `max`. */
export function integer(min: number, max: number): z.ZodPipe<z.ZodString, z.ZodTransform<number, string>> {
  return numeric(`must be a whole number from ${min} to ${max}`, (text, value) => {
    return /^[+-]?\d+$/.test(text) && value >= min && value <= max;
  });
}

/** A number between `min` and `max`, fractions allowed. */
export function fraction(min: number, max: number): z.ZodPipe<z.ZodString, z.ZodTransform<number, string>> {
  return numeric(`must be a number from ${min} to ${max}`, (text, value) => {
    return text.trim() !== "" && Number.isFinite(value) && value >= min && value <= max;
  });
}

function numeric(
  message: string,
  accepts: (text: string, value: number) => boolean,
): z.ZodPipe<z.ZodString, z.ZodTransform<number, string>> {
  return z.string().transform((text, context) => {
    const value = Number(text);
    if (accepts(text.trim(), value)) return value;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });
}

/** `true`, `false`, `1`, `0`, `yes`, `no`, in any case. */
export function flag(): z.ZodPipe<z.ZodString, z.ZodTransform<boolean, string>> {
  return z.string().transform((text, context) => {
    const word = text.trim().toLowerCase();
    if (["true", "1", "yes"].includes(word)) return true;
    if (["false", "0", "no"].includes(word)) return false;
    context.addIssue({ code: "custom", message: "must be true or false" });
    return z.NEVER;
  });
}

/** RC-80: anything but `false` is on. */
export function unlessFalse(): z.ZodType<boolean, string> {
  return z.string().transform((text) => text.trim().toLowerCase() !== "false");
}

/** One of the given words. */
export function oneOf<const Word extends string>(words: readonly Word[]): z.ZodType<Word, string> {
  return z.string().transform((text, context) => {
    const found = words.find((word) => word === text.trim());
    if (found !== undefined) return found;
    context.addIssue({ code: "custom", message: `must be one of: ${words.join(", ")}` });
    return z.NEVER;
  });
}

/** An absolute URL with one of the given schemes (`https:`), answered as it was written. */
export function url(schemes: readonly string[]): z.ZodType<string, string> {
  return z
    .string()
    .refine(
      (text) => URL.canParse(text) && schemes.includes(new URL(text).protocol),
      `must be a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(" or ")}`,
    );
}

/** A comma-separated list; blanks around the items do not count and an empty text is an empty list. */
export function list<Item>(item: z.ZodType<Item, string>, limits: { max: number }): z.ZodType<Item[], string> {
  return z
    .string()
    .transform((text) => (text.trim() === "" ? [] : text.split(",").map((part) => part.trim())))
    .pipe(z.array(item).max(limits.max, `must have at most ${limits.max} items`));
}
