/**
 * A TCP proxy between processes under test and one store, whose connections can be cut, stalled, or left dead without a word as a
 * firewall does that forgot about them.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

type Mode = "open" | "stalled" | "black";

interface Pair {
  readonly client: Socket;
  readonly server: Socket | null;
  /** Never forwarded again, never closed by us. */
  isDead: boolean;
}

export class TcpProxy {
  private mode: Mode = "open";
  private readonly pairs = new Set<Pair>();

  private constructor(
    private readonly listener: Server,
    readonly port: number,
    private readonly targetPort: number,
  ) {
    listener.on("connection", (client) => this.accept(client));
  }

  /** Listens on a free loopback port for connections to `targetPort`. */
  static async open(targetPort: number): Promise<TcpProxy> {
    const listener = createServer({ noDelay: true });
    await new Promise<void>((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(0, "127.0.0.1", resolve);
    });
    const address = listener.address();
    if (address === null || typeof address === "string") throw new Error("the proxy has no port");
    return new TcpProxy(listener, address.port, targetPort);
  }

  /** Ends every connection at once; new ones are taken as before. */
  cut(): void {
    for (const pair of [...this.pairs]) this.end(pair);
  }

  /** Holds back everything in both directions until {@link restore}; nothing is lost. */
  stall(): void {
    this.mode = "stalled";
    for (const { client, server } of this.pairs) {
      client.pause();
      server?.pause();
    }
  }

  /** Leaves every connection dead for good; new ones are dead from their first byte until {@link restore}. */
  blackhole(): void {
    this.mode = "black";
    for (const pair of this.pairs) this.kill(pair);
  }

  restore(): void {
    this.mode = "open";
    for (const pair of this.pairs) {
      if (pair.isDead) continue;
      pair.client.resume();
      pair.server?.resume();
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  private accept(client: Socket): void {
    if (this.mode === "black") {
      const pair = { client, server: null, isDead: true };
      this.pairs.add(pair);
      this.watch(pair, client);
      client.pause();
      return;
    }
    const server = connect({ port: this.targetPort, host: "127.0.0.1", noDelay: true });
    const pair: Pair = { client, server, isDead: false };
    this.pairs.add(pair);
    this.watch(pair, client);
    this.watch(pair, server);
    client.on("data", (chunk) => forward(client, server, chunk));
    server.on("data", (chunk) => forward(server, client, chunk));
    if (this.mode === "stalled") {
      client.pause();
      server.pause();
    }
  }

  private watch(pair: Pair, socket: Socket): void {
    socket.on("error", () => undefined);
    socket.once("close", () => this.end(pair));
  }

  /** The far side is let go, as by a peer that is gone; the near side hears nothing of it. */
  private kill(pair: Pair): void {
    pair.isDead = true;
    pair.client.pause();
    pair.server?.removeAllListeners("close");
    pair.server?.destroy();
  }

  private end(pair: Pair): void {
    this.pairs.delete(pair);
    pair.client.destroy();
    pair.server?.destroy();
  }
}

function forward(from: Socket, to: Socket, chunk: Buffer): void {
  if (to.destroyed || to.write(chunk)) return;
  from.pause();
  to.once("drain", () => from.resume());
}
