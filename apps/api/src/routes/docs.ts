/** `/openapi.json` and `/docs` (API-302), made of the table they are part of. */
import { type Answer, type Route, route } from "../http/route.js";
import { docsPage } from "../openapi/docs-page.js";
import { openApiDocument } from "../openapi/document.js";

/** The routes of the documentation. `allRoutes` is asked when the first reader comes, and holds these routes too. */
export function docsRoutes(options: { version: string; allRoutes: () => readonly Route[] }): Route[] {
  let document: string | undefined;
  let page: string | undefined;
  const text = (content: string, contentType: string): Promise<Answer> =>
    Promise.resolve({ status: 200, text: content, contentType });
  const readPage = (): Promise<Answer> => {
    page ??= docsPage(options.allRoutes(), options.version);
    return text(page, "text/html; charset=utf-8");
  };
  const common = {
    tag: "documentation",
    rule: "API-302",
    access: "caller_or_enqueue",
    who: "any key or session",
    rate: "read",
    errors: [],
  } as const;
  return [
    route({
      ...common,
      method: "get",
      path: "/openapi.json",
      summary: "This API as OpenAPI 3.1",
      responses: { 200: { description: "The document", contentType: "application/json" } },
      handle: () => {
        document ??= JSON.stringify(openApiDocument(options.allRoutes(), options.version));
        return text(document, "application/json; charset=utf-8");
      },
    }),
    route({
      ...common,
      method: "get",
      path: "/docs",
      summary: "This API as a page",
      responses: { 200: { description: "The page", contentType: "text/html" } },
      handle: readPage,
    }),
    route({
      ...common,
      method: "get",
      path: "/docs/problems",
      summary: "The page again, where the types of problems point",
      responses: { 200: { description: "The page", contentType: "text/html" } },
      handle: readPage,
    }),
  ];
}
