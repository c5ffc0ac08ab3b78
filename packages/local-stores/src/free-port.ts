/**
 * Finds loopback ports. A port that is free now may be taken a moment later, so whoever binds it must be ready to
 * try again with another one.
 */
import { createServer } from "node:net";

/** Asks the kernel for a free port of 127.0.0.1. */
export function findFreePort(): Promise<number> {
  return bindOnce(0);
}

/** True when nothing listens on this port of 127.0.0.1. */
export async function isPortFree(port: number): Promise<boolean> {
  try {
    await bindOnce(port);
    return true;
  } catch {
    // EADDRINUSE and EACCES both mean: not ours to have.
    return false;
  }
}

function bindOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      server.close(() => resolve(bound));
    });
  });
}
