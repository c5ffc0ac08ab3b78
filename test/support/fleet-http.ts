/** Speaks HTTP to a fleet as a caller does: one key, JSON in and out, no retries of its own. */

export interface HttpAnswer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

const REQUEST_DEADLINE_MS = 60_000;

export class FleetHttp {
  constructor(
    private readonly baseUrl: string,
    private readonly key: string,
  ) {}

  get<Body>(path: string): Promise<HttpAnswer<Body>> {
    return this.request<Body>("GET", path);
  }

  post<Body>(path: string, body: object = {}, headers: Record<string, string> = {}): Promise<HttpAnswer<Body>> {
    return this.request<Body>("POST", path, { body, headers });
  }

  patch<Body>(path: string, body: object): Promise<HttpAnswer<Body>> {
    return this.request<Body>("PATCH", path, { body });
  }

  /** The parsed body of a GET that must answer 200. */
  async read<Body>(path: string): Promise<Body> {
    const { status, body } = await this.get<Body>(path);
    if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  /** The text of a GET that must answer 200. */
  async readText(path: string): Promise<string> {
    const answer = await this.open(path);
    if (answer.status !== 200) throw new Error(`GET ${path} answered ${answer.status}`);
    return answer.text();
  }

  /** A GET whose body is read by the caller, such as a stream. */
  open(path: string, options: { signal?: AbortSignal; headers?: Record<string, string> } = {}): Promise<Response> {
    return fetch(`${this.baseUrl}${path}`, {
      headers: { authorization: `Bearer ${this.key}`, ...options.headers },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  }

  private async request<Body>(
    method: string,
    path: string,
    sent: { body?: object; headers?: Record<string, string> } = {},
  ): Promise<HttpAnswer<Body>> {
    const answer = await fetch(`${this.baseUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(sent.body === undefined ? {} : { "content-type": "application/json" }),
        ...sent.headers,
      },
      ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
      signal: AbortSignal.timeout(REQUEST_DEADLINE_MS),
    });
    const text = await answer.text();
    // The answer comes from outside; what the test expects of it is checked by the test.
    const body = (text === "" ? null : JSON.parse(text)) as Body;
    return { status: answer.status, headers: answer.headers, body };
  }
}

export interface SseEvent {
  readonly id: string | null;
  readonly event: string;
  readonly data: unknown;
}

/** The events of a server-sent stream, until it ends or its request is aborted. */
export async function* readEventStream(answer: Response): AsyncGenerator<SseEvent> {
  if (answer.status !== 200 || answer.body === null) throw new Error(`the stream answered ${answer.status}`);
  let buffered = "";
  for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
    buffered += text;
    for (let end = buffered.indexOf("\n\n"); end >= 0; end = buffered.indexOf("\n\n")) {
      const event = parseFrame(buffered.slice(0, end));
      buffered = buffered.slice(end + 2);
      if (event !== null) yield event;
    }
  }
}

/** Null for frames without data: comments and `retry`. */
function parseFrame(frame: string): SseEvent | null {
  const field = (name: string): string | null => new RegExp(`^${name}: (.*)$`, "m").exec(frame)?.[1] ?? null;
  const data = field("data");
  return data === null ? null : { id: field("id"), event: field("event") ?? "message", data: JSON.parse(data) };
}
