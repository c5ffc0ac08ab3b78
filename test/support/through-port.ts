/** The URL of a store as seen from behind a proxy on `port` of this machine. */
export function throughPort(storeUrl: string, port: number): string {
  const url = new URL(storeUrl);
  url.port = String(port);
  return url.href;
}
