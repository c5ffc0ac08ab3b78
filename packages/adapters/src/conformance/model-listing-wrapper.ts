/** For CLIs that are asked for their models first: puts such a listing before a test's program. */
import { chmodSync, existsSync, writeFileSync } from "node:fs";

/**
 * Path of a program that prints `listing` when its first argument is `listArgument`, and is `executable` otherwise. A
 * program that does not exist comes back as it is.
 */
export function withModelListing(
  executable: string,
  options: { readonly listArgument: string; readonly listing: string },
): string {
  if (!existsSync(executable)) return executable;
  const wrapper = `${executable}-with-models`;
  writeFileSync(
    wrapper,
    `#!/bin/sh\nif [ "$1" = "${options.listArgument}" ]; then\ncat <<'LIST'\n${options.listing}\nLIST\nexit 0\nfi\nexec "${executable}" "$@"\n`,
  );
  chmodSync(wrapper, 0o755);
  return wrapper;
}
