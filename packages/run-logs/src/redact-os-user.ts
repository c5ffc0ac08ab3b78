/**
 * Masks the OS user's name and home folders in a text (IN-2, SC-22, LG-2), where `censorUsernameInLogs` is on.
 *
 * What must stay true: the process that made the text applies it for its own user; longer words that merely contain the
 * name stay as they are.
 */

export interface OsUser {
  /** Login names to mask, e.g. `os.userInfo().username` and `USER`. Empty ones are left out. */
  readonly names: readonly string[];
  /** Home folders whose last part is masked: `HOME`, `USERPROFILE`, `os.homedir()`. Empty ones are left out. */
  readonly homes: readonly string[];
}

/** What touches a name so that it is only a part of a longer word. */
const TOUCHING = "[\\p{L}\\p{N}._-]";
/** A home path may end a sentence, so a full stop ends it unless a longer name follows. */
const PATH_END = "(?![\\p{L}\\p{N}_-]|\\.[\\p{L}\\p{N}_-])";

/** Answers the function that masks this user in a text. Linear in the text; the same text when there is nothing to mask. */
export function createOsUserRedactor(user: OsUser): (text: string) => string {
  const names = unique(user.names);
  const conventional = names.flatMap((name) => [`/Users/${name}`, `/home/${name}`, `C:\\Users\\${name}`]);
  const homes = unique([...user.homes.map(withoutTrailingSeparator), ...conventional])
    .filter((home) => lastPart(home) !== "")
    // Output is often JSON, where a backslash stands twice.
    .flatMap((home) => (home.includes("\\") ? [home, home.replaceAll("\\", "\\\\")] : [home]));
  const masks = new Map<string, string>();
  for (const name of names) masks.set(name, maskName(name));
  for (const home of homes) {
    const name = lastPart(home);
    masks.set(home, home.slice(0, home.length - name.length) + maskName(name));
  }
  if (masks.size === 0) return (text) => text;

  const longestFirst = (a: string, b: string): number => b.length - a.length;
  const paths = [...homes].sort(longestFirst).map(escapeRegExp);
  const words = [...names].sort(longestFirst).map(escapeRegExp);
  const alternatives = [
    ...(paths.length > 0 ? [`(?:${paths.join("|")})${PATH_END}`] : []),
    ...(words.length > 0 ? [`(?<!${TOUCHING})(?:${words.join("|")})(?!${TOUCHING})`] : []),
  ];
  const pattern = new RegExp(alternatives.join("|"), "gu");
  return (text) => text.replace(pattern, (found) => masks.get(found) ?? found);
}

/** The first character, and `*` for each other one, at least one. */
function maskName(name: string): string {
  const [first = "", ...rest] = name;
  return first + "*".repeat(Math.max(1, rest.length));
}

function lastPart(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

function withoutTrailingSeparator(path: string): string {
  return path.replace(/[/\\]+$/, "");
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values.filter((value) => value.trim() !== ""))];
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
