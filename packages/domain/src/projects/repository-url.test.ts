import { describe, expect, it } from "vitest";
import { protocolOf, repositoryName, shownUrl, withoutCredentials } from "./repository-url.js";

describe("addresses of repositories", () => {
  it.each<[string, string | null]>([
    ["https://example.com/org/app.git", "app"],
    ["https://example.com/org/app.GIT//", "app"],
    ["https://example.com/org/app", "app"],
    ["https://example.com/", null],
    ["https://example.com", null],
    ["ssh://git@example.com:22/org/app.git", "app"],
    ["file:///srv/app.git/", "app"],
    ["git@example.com:org/app.git", "app"],
    ["git@example.com:app", "app"],
    ["not an address", null],
    ["--upload-pack=x", null],
  ])("WS-20, WS-29 the name in %s is %s", (url, name) => expect(repositoryName(url)).toBe(name));

  it.each<[string, string | null]>([
    ["https://example.com/a.git", "https"],
    ["HTTPS://example.com/a.git", "https"],
    ["http://example.com/a.git", "http"],
    ["ssh://git@example.com/a.git", "ssh"],
    ["git@example.com:a.git", "ssh"],
    ["file:///a.git", "file"],
    ["ext::sh -c touch% /tmp/x", null],
    ["--upload-pack=touch /tmp/x", null],
    ["-oProxyCommand=touch", null],
    ["git@-oProxyCommand=x:y", null],
    ["/srv/a.git", null],
    ["../a.git", null],
    ["ftp://example.com/a.git", null],
    ["https://", null],
  ])("WS-28 %s is reached by %s", (url, protocol) => expect(protocolOf(url)).toBe(protocol));

  it.each<[string, string]>([
    ["https://user:pw@example.com/a.git", "https://example.com/a.git"],
    ["https://ghp_token@example.com/a.git", "https://example.com/a.git"],
    ["ssh://git:pw@example.com/a.git", "ssh://git@example.com/a.git"],
    ["ssh://git@example.com/a.git", "ssh://git@example.com/a.git"],
    ["git@example.com:a.git", "git@example.com:a.git"],
    ["https://example.com/a.git", "https://example.com/a.git"],
  ])("WS-28 %s is shown as %s", (url, shown) => expect(shownUrl(url)).toBe(shown));

  it("WS-28 what git says about an address loses its credentials, however they are written", () => {
    const url = "https://user:p%40ss@example.com/a.git";
    const text = `fatal: '${url}' for user with p@ss, p%40ss, user:p%40ss`;
    const clean = withoutCredentials(text, url);
    expect(clean).toContain("https://example.com/a.git");
    for (const secret of ["p@ss", "p%40ss"]) expect(clean).not.toContain(secret);
  });
});
