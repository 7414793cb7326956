/** The least of an HTTP client: what it costs is little against what the server does, and the same for all servers. */

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly body?: string;
}

export interface Stream {
  onBytes(bytes: Buffer): void;
  /** Without an error when the server has ended it in order. */
  onEnd(error?: Error): void;
}

export interface HttpCaller extends Disposable {
  /** The body of a 2xx answer; rejects with every other. */
  send(request: HttpRequest): Promise<string>;
  /** Resolves when the answer has begun; the caller's end is its end. */
  open(path: string, stream: Stream): Promise<void>;
}

export function refused({ method, path }: HttpRequest, status: number | undefined, body: string): Error {
  return new Error(`${method} ${path}: HTTP ${status}: ${body.slice(0, 300)}`);
}
