/** A digest of all that is in a skill's folder (AD-112), so that a changed skill makes another prompt bundle. */
import type { Hash } from "node:crypto";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import path from "node:path";

/** Feeds `hash` with names and contents below `folder`, in a fixed order; links are followed, loops and gaps marked. */
export async function digestFolder(hash: Hash, folder: string): Promise<void> {
  await digest(hash, { file: folder, name: ".", inside: new Set() });
}

interface Entry {
  readonly file: string;
  /** Path below the folder. */
  readonly name: string;
  /** Real paths of the folders that hold it. */
  readonly inside: ReadonlySet<string>;
}

async function digest(hash: Hash, { file, name, inside }: Entry): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found === null) {
    hash.update(`missing\0${name}\0`);
  } else if (found.isDirectory()) {
    const real = await realpath(file);
    if (inside.has(real)) {
      hash.update(`loop\0${name}\0`);
      return;
    }
    hash.update(`folder\0${name}\0`);
    const within = new Set([...inside, real]);
    for (const child of (await readdir(file)).sort()) {
      await digest(hash, { file: path.join(file, child), name: `${name}/${child}`, inside: within });
    }
  } else if (found.isFile()) {
    const content = await readFile(file);
    // With its length a file cannot be taken for the beginning of what follows it.
    hash.update(`file\0${name}\0${content.byteLength}\0`);
    hash.update(content);
  } else {
    hash.update(`other\0${name}\0`);
  }
}
