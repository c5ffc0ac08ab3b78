/** The few calls of the HTTP API that the demonstration makes, as any program outside would make them. */

export interface DemoApi {
  /** Sends a request and answers its parsed body. Rejects with the API's own sentence when it refuses. */
  call<Answer>(method: "GET" | "POST", path: string, body?: unknown): Promise<{ answer: Answer; headers: Headers }>;
}

/** A caller with `key` of the API at `baseUrl`. */
export function demoApi(baseUrl: string, key: string): DemoApi {
  return {
    async call<Answer>(
      method: "GET" | "POST",
      path: string,
      body?: unknown,
    ): Promise<{ answer: Answer; headers: Headers }> {
      const response = await fetch(`${baseUrl}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(30_000),
      });
      const text = await response.text();
      if (!response.ok)
        throw new RefusedError(
          response.status,
          `${method} ${path} was answered ${response.status}: ${text.slice(0, 500)}`,
        );
      return { answer: JSON.parse(text) as Answer, headers: response.headers };
    },
  };
}

/** The API answered with an error. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface DemoRun {
  readonly id: string;
  readonly agentId: string;
  readonly status: string;
  readonly exitCode: number | null;
  readonly error: string | null;
  readonly errorCode: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

export interface DemoLog {
  /** NDJSON lines `{ts, stream, chunk}`. */
  readonly content: string;
  /** Absent at the end of what there is. */
  readonly nextOffset?: number;
  readonly totalBytes: number;
}
