/**
 * The HTTP application (API-1): everything but listening. Order matters and is told here once: request id, observation,
 * headers, host and origin rules, the route table, extra routers (Bull Board, console), 404, errors.
 */
import { WakefleetError } from "@wakefleet/contracts";
import express, { type Express } from "express";
import helmet from "helmet";
import type { ApiDeps } from "./deps.js";
import { type Authenticator, createAuthenticator } from "./http/authenticate.js";
import { boardOnly } from "./http/board-only.js";
import { mountRoutes } from "./http/mount-routes.js";
import { observe } from "./http/observe.js";
import { corsMiddleware, loopbackHostOnly } from "./http/origin.js";
import { problemMiddleware } from "./http/problems.js";
import { requestIdMiddleware } from "./http/request-id.js";
import type { Route } from "./http/route.js";
import { adapterRoutes } from "./routes/adapters.js";
import { agentAdministrationRoutes } from "./routes/agent-administration.js";
import { agentKeyRoutes } from "./routes/agent-keys.js";
import { agentRoutes } from "./routes/agents.js";
import { approvalRoutes } from "./routes/approvals.js";
import { budgetRoutes } from "./routes/budgets.js";
import { companyRoutes } from "./routes/companies.js";
import { companyEventRoutes } from "./routes/company-events.js";
import { docsRoutes } from "./routes/docs.js";
import { documentRoutes } from "./routes/documents.js";
import { environmentRoutes } from "./routes/environments.js";
import { instanceRoutes } from "./routes/instance.js";
import { interactionRoutes } from "./routes/interactions.js";
import { issueRoutes } from "./routes/issues.js";
import { loginRoutes } from "./routes/login.js";
import { projectRoutes } from "./routes/projects.js";
import { providerAccountRoutes } from "./routes/provider-accounts.js";
import type { RouteDeps } from "./routes/route-deps.js";
import { runRoutes } from "./routes/runs.js";
import { secretRoutes } from "./routes/secrets.js";
import { skillRoutes } from "./routes/skills.js";
import { treeHoldRoutes } from "./routes/tree-holds.js";
import { wakeupRoutes } from "./routes/wakeups.js";
import { whyRoutes } from "./routes/why.js";
import { workProductRoutes } from "./routes/work-products.js";

export interface App {
  readonly express: Express;
  readonly routes: readonly Route[];
  /** For what is answered beside Express: WebSocket upgrades. */
  readonly authenticator: Authenticator;
}

/** All routes, in the order they are matched. */
export function allRoutes(deps: RouteDeps): Route[] {
  const routes: Route[] = [
    ...companyRoutes(deps),
    ...agentRoutes(deps),
    ...agentAdministrationRoutes(deps),
    ...agentKeyRoutes(deps),
    ...wakeupRoutes(deps),
    ...whyRoutes(deps),
    ...runRoutes(deps),
    ...budgetRoutes(deps),
    ...secretRoutes(deps),
    ...skillRoutes(deps),
    ...providerAccountRoutes(deps),
    ...adapterRoutes(deps),
    ...approvalRoutes(deps),
    ...issueRoutes(deps),
    ...projectRoutes(deps),
    ...documentRoutes(deps),
    ...interactionRoutes(deps),
    ...workProductRoutes(deps),
    ...treeHoldRoutes(deps),
    ...environmentRoutes(deps),
    ...companyEventRoutes(deps),
    ...instanceRoutes(deps),
    ...loginRoutes(deps),
    ...docsRoutes({ version: deps.version, allRoutes: () => routes }),
  ];
  return routes;
}

/** Builds the application; it listens to nothing and starts nothing. */
export function createApp(deps: ApiDeps): App {
  const authenticator = createAuthenticator(deps);
  const routeDeps: RouteDeps = { ...deps, authenticator, forgetKeys: () => authenticator.forget() };
  const routes = allRoutes(routeDeps);

  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("query parser", "simple");
  app.use(requestIdMiddleware, observe(deps), securityHeaders());
  if (deps.settings.authMode === "local_trusted") app.use(loopbackHostOnly);
  app.use(corsMiddleware(deps.settings.corsOrigins));
  app.use(["/api", "/metrics", "/docs", "/openapi.json"], (_req, res, next) => {
    res.setHeader("Cache-Control", "no-store");
    next();
  });
  app.use(mountRoutes(routes, routeDeps));
  app.use("/api", () => {
    throw new WakefleetError("not_found", "API route not found");
  });
  for (const router of deps.extraRouters?.({ boardOnly: boardOnly(authenticator) }) ?? []) app.use(router);
  app.use(() => {
    throw new WakefleetError("not_found", "Not found");
  });
  app.use(problemMiddleware(deps.log));
  return { express: app, routes, authenticator };
}

/** Scripts only from here; styles also inline, for pages that must work offline. */
function securityHeaders(): express.RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", "data:"],
        fontSrc: ["'self'", "data:"],
        objectSrc: ["'none'"],
        baseUri: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    // Forms must name their origin for the check of API-33.
    referrerPolicy: { policy: "same-origin" },
    strictTransportSecurity: false,
  });
}
