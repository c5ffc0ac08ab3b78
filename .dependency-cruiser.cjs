/**
 * Import direction (docs/architecture): each room may import the rooms named here and nothing else of ours.
 * Type-only imports count too: a type that has to come from above belongs lower down.
 */

/** Rooms below each room. Whoever may import a room's package imports its entry, never a file inside. */
const ROOMS = {
  contracts: [],
  domain: ["contracts"],
  config: ["contracts"],
  telemetry: ["contracts"],
  "local-stores": [],
  store: ["contracts", "domain"],
  queue: ["contracts", "domain"],
  adapters: ["contracts"],
  "run-logs": ["contracts"],
  client: ["contracts"],
  workspaces: ["contracts", "domain", "store"],
  engine: ["contracts", "domain", "store", "queue", "adapters", "run-logs", "workspaces"],
  service: ["config", "telemetry", "adapters", "engine"],
  testkit: [
    "contracts",
    "domain",
    "config",
    "telemetry",
    "local-stores",
    "store",
    "queue",
    "adapters",
    "run-logs",
    "workspaces",
    "engine",
  ],
};

const anyOf = (names) => `(${names.join("|")})`;
const NO_TESTS = "[.](test|bench)[.]ts$|^(packages|apps)/[^/]+/(test|bench)/|/conformance/";

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "nothing-unresolved",
      severity: "error",
      from: { path: "^(packages|apps)/[^/]+/src" },
      to: { couldNotResolve: true, pathNot: "[.]css$" },
    },
    ...Object.entries(ROOMS).map(([room, below]) => ({
      name: `${room}-imports-downwards`,
      comment: `packages/${room} may import ${below.length === 0 ? "no other room" : below.join(", ")}.`,
      severity: "error",
      from: { path: `^packages/${room}/src`, pathNot: NO_TESTS },
      to: { path: "^(packages|apps)/", pathNot: `^packages/${anyOf([room, ...below])}/` },
    })),
    {
      name: "no-imports-into-a-room",
      comment: "Other rooms are imported by their entry (@wakefleet/NAME), never by a file inside.",
      severity: "error",
      from: { path: "^(packages|apps)/([^/]+)/" },
      to: {
        path: "^(packages|apps)/[^/]+/(src|dist)/",
        pathNot: ["^$1/$2/", "/dist/(index|global-setup)[.](js|d[.]ts)$"],
      },
    },
    {
      name: "apps-do-not-import-apps",
      severity: "error",
      from: { path: "^apps/([^/]+)/src", pathNot: NO_TESTS },
      to: { path: "^apps/", pathNot: "^apps/$1/" },
    },
    {
      name: "testkit-is-for-tests",
      severity: "error",
      from: { path: "^(packages|apps)/", pathNot: `${NO_TESTS}|^packages/testkit/` },
      to: { path: "^packages/testkit/" },
    },
    {
      name: "domain-is-pure",
      comment: "Decisions do no I/O: nothing of Node, nothing from npm but zod.",
      severity: "error",
      from: { path: "^packages/domain/src", pathNot: NO_TESTS },
      to: {
        dependencyTypes: ["core", "npm", "npm-dev", "npm-optional", "npm-peer", "npm-no-pkg", "npm-unknown"],
        pathNot: "node_modules/zod/",
      },
    },
    {
      name: "routes-are-thin",
      comment: "A route parses, authorises and calls one use case; it does not reach past it.",
      severity: "error",
      from: { path: "^apps/api/src/routes/", pathNot: NO_TESTS },
      to: { path: "^packages/queue/" },
    },
  ],
  options: {
    parser: "swc",
    tsPreCompilationDeps: true,
    doNotFollow: { path: ["node_modules", "/dist/"] },
    // The parser here knows no TSX: what the console may import is a lint rule (biome.json).
    exclude: { path: ["/generated/", "[.]tsx$"] },
    enhancedResolveOptions: {
      extensions: [".ts", ".tsx", ".js", ".d.ts", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "default", "types"],
    },
  },
};
