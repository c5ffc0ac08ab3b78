/**
 * What a Redis URL names (OP-12): one server, a Cluster by some of its nodes, or a server that Sentinels know. `URL` refuses
 * several hosts, so the forms with hosts are read here. The forms are checked where the configuration is read.
 */

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

export type RedisAddress =
  | { readonly kind: "server"; readonly url: string }
  | ({ readonly kind: "cluster"; readonly nodes: readonly HostAndPort[] } & Credentials)
  | ({
      readonly kind: "sentinel";
      readonly sentinels: readonly HostAndPort[];
      /** The name under which the Sentinels know the server. */
      readonly name: string;
      readonly db: number;
    } & Credentials);

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  readonly tls: boolean;
}

const URL_OF_MANY =
  /^redis(?<tls>s?)\+(?<kind>cluster|sentinel):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/?#@]+)(?:\/(?<path>[^?#]*))?/i;
const DEFAULT_PORTS = { cluster: 6_379, sentinel: 26_379 } as const;

/** Reads a URL. @throws Error when it names neither a server nor several hosts in a known form. */
export function redisAddressOf(url: string): RedisAddress {
  if (/^rediss?:\/\//i.test(url)) return { kind: "server", url };
  const groups = URL_OF_MANY.exec(url)?.groups;
  // The URL may hold a password: it is not quoted.
  if (groups === undefined) throw new Error("The Redis URL has none of the forms that REDIS_URL may have");
  const kind = groups["kind"]?.toLowerCase() === "cluster" ? "cluster" : "sentinel";
  const hosts = (groups["hosts"] ?? "").split(",").map((text) => hostOf(text, DEFAULT_PORTS[kind]));
  const credentials: Credentials = {
    ...(groups["user"] ? { username: decodeURIComponent(groups["user"]) } : {}),
    ...(groups["password"] ? { password: decodeURIComponent(groups["password"]) } : {}),
    tls: groups["tls"] !== "",
  };
  if (kind === "cluster") return { kind, nodes: hosts, ...credentials };
  const [name = "", db = "0"] = (groups["path"] ?? "").split("/");
  return { kind, sentinels: hosts, name: decodeURIComponent(name), db: Number(db), ...credentials };
}

/** `host`, `host:port` or `[address]:port`. */
function hostOf(text: string, defaultPort: number): HostAndPort {
  const [, v6, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  return { host: v6 ?? name ?? text, port: port === undefined ? defaultPort : Number(port) };
}
