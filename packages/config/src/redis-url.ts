/**
 * The forms in which a Redis can be named (OP-12): one server, a Cluster, or Sentinels, each with or without TLS.
 * `URL` refuses several hosts, so the form with hosts is read here.
 */

export const REDIS_URL_FORMS =
  "redis://[user:password@]host:port[/db], rediss://… (TLS), redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/name[/db]";

const PATTERN =
  /^rediss?(?<kind>\+cluster|\+sentinel)?:\/\/(?:[^@/\s]*@)?(?<hosts>(?:\[[0-9a-f:.]+\]|[^\s:/,@[\]]+)(?::\d{1,5})?(?:,(?:\[[0-9a-f:.]+\]|[^\s:/,@[\]]+)(?::\d{1,5})?)*)(?<path>\/[^?#\s]*)?(?:\?[^#\s]*)?$/i;

/** True for a URL in one of {@link REDIS_URL_FORMS}. */
export function isRedisUrl(text: string): boolean {
  const groups = PATTERN.exec(text)?.groups;
  if (groups === undefined) return false;
  const path = groups["path"] ?? "";
  switch (groups["kind"]?.toLowerCase()) {
    case "+cluster":
      return path === "" || path === "/";
    case "+sentinel":
      return /^\/[^/]+(?:\/\d+)?$/.test(path);
    default:
      return !groups["hosts"]?.includes(",") && /^\/?\d*$/.test(path);
  }
}
