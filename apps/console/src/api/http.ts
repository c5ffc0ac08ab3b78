/**
 * Asks the API in the name of the browser's session. An ended session leads to the login and back; every other failure is
 * an `ApiProblem` whose message is the API's own sentence (API-40).
 */

export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  constructor(
    message: string,
    /** 0: the server was not reached. */
    readonly status: number,
    readonly code: string,
  ) {
    super(message);
  }
}

export interface Answer<Body> {
  readonly body: Body;
  readonly status: number;
  /** The next page of a list; null on its last. */
  readonly nextCursor: string | null;
}

export type QueryValues = Readonly<Record<string, string | number | null | undefined>>;

/** A path with a query; empty values are left out. */
export function withQuery(path: string, values: QueryValues): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** Reads. Rejects with `ApiProblem`, or with an `AbortError` when `signal` aborted. */
export async function read<Body>(path: string, signal?: AbortSignal): Promise<Answer<Body>> {
  return await request<Body>(path, signal === undefined ? {} : { signal });
}

/** Does something. Rejects with `ApiProblem`. */
export async function post<Body>(path: string, body: object = {}): Promise<Answer<Body>> {
  return await request<Body>(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function request<Body>(path: string, init: RequestInit): Promise<Answer<Body>> {
  const response = await reach(path, init);
  if (response.status === 401) {
    goToLogin();
    throw new ApiProblem("The session has ended.", 401, "unauthenticated");
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemOf(response, body);
  // The API's own schemas say what its routes answer; `shapes.ts` is derived from them.
  return { body: body as Body, status: response.status, nextCursor: response.headers.get("X-Next-Cursor") };
}

async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, headers: { Accept: "application/json", ...init.headers } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiProblem("The server cannot be reached. Trying again.", 0, "unreachable");
  }
}

function problemOf(response: Response, body: unknown): ApiProblem {
  const told = typeof body === "object" && body !== null ? body : {};
  const message =
    "error" in told && typeof told.error === "string" ? told.error : `The server answered ${response.status}.`;
  const code = "code" in told && typeof told.code === "string" ? told.code : "unknown";
  return new ApiProblem(message, response.status, code);
}

/** Leaves for the login form, which leads back here. */
export function goToLogin(): void {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}
