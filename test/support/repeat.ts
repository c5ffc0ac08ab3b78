/** How often a test of a crash repeats its crash: a few times in CI, `E2E_REPEAT=20` to prove that nothing is lost. */

/** The number of repetitions: `E2E_REPEAT`, else `usual`. Throws when it is no whole number from 1 to 1,000. */
export function repetitions(usual: number): number {
  const text = process.env["E2E_REPEAT"];
  if (text === undefined || text === "") return usual;
  if (!/^[1-9]\d{0,2}$/.test(text))
    throw new Error(`E2E_REPEAT must be a whole number from 1 to 999, but is "${text}"`);
  return Number(text);
}

/** Options of a test that begins anew each time: runs it `E2E_REPEAT` times, once when that is absent. */
export function repeated(): { repeats: number; timeout: number } {
  const times = repetitions(1);
  return { repeats: times - 1, timeout: 120_000 * times };
}
