/**
 * Takes a log away from a writer that may still live (BY-9): it goes on in a copy that has its name, cut to where the mark
 * beside it says that whole chunks end.
 *
 * What must stay true: whoever has the old file open writes into a file that nobody finds any more.
 */
import { constants, copyFile, open, rename } from "node:fs/promises";
import { isMissing, readNotice } from "./log-file.js";
import { MarkFile } from "./mark-file.js";

/** Answers the mark of the last chunk in the log; null when none was noted. A log that is not there yet stays so. */
export async function takeLogOver(files: { readonly path: string; readonly markPath: string }): Promise<string | null> {
  const { path, markPath } = files;
  // Read before the copy is made: what a living writer adds after that is cut off.
  const record = await MarkFile.read(markPath);
  const copy = `${path}.taken`;
  try {
    await copyFile(path, copy, constants.COPYFILE_FICLONE);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  let mark: string | null = null;
  if (record !== null) {
    const handle = await open(copy, "r+");
    try {
      const { size } = await handle.stat();
      const notice = await readNotice(handle, size);
      const shift = notice === null ? 0 : notice.head.droppedBytes - notice.bytes;
      const isWhole = shift + size >= record.to;
      mark = isWhole ? record.after : record.before;
      await handle.truncate(Math.max(0, (isWhole ? record.to : record.from) - shift));
    } finally {
      await handle.close();
    }
  }
  await rename(copy, path);
  return mark;
}
