/**
 * Waits for a folder to change. A hint, never a promise: a change may be told twice or, where the system has no watches
 * left, only by the next look.
 */
import { type FSWatcher, watch } from "node:fs";

/** Longest time between looks, milliseconds: for what no event told. */
const LOOK_EVERY_MS = 250;
/** The same where there is no watch at all. */
const LOOK_WITHOUT_WATCH_MS = 50;

export interface FolderWatch {
  /** Settles when the folder may have changed since the last call settled, or when `ring` was called. */
  changed(): Promise<void>;
  ring(): void;
  close(): void;
}

export function watchFolder(folder: string): FolderWatch {
  let rung = false;
  let wake: (() => void) | null = null;
  const ring = (): void => {
    rung = true;
    wake?.();
  };
  let watcher: FSWatcher | null = null;
  try {
    watcher = watch(folder, ring);
    watcher.on("error", () => watcher?.close());
  } catch {
    // No watches left (inotify's limit): looking now and then does.
    watcher = null;
  }
  const lookEveryMs = watcher === null ? LOOK_WITHOUT_WATCH_MS : LOOK_EVERY_MS;
  return {
    async changed() {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, lookEveryMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      wake = null;
      rung = false;
    },
    ring,
    close: () => watcher?.close(),
  };
}
