/** Reads a request's body whole, up to the API server's limit. Source: Kubernetes documentation, size limits (3 MiB). */
import { ApiError, badRequestError } from "#api/api-error.ts";
import { type ApiRequest, headerOf } from "./api-message.ts";

export const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** Rejects with ApiError 413 as soon as the limit is passed, 400 when the client breaks off, and when `signal` aborts. */
export function readBody(request: ApiRequest, signal: AbortSignal): Promise<Buffer> {
  if (Number(headerOf(request, "content-length") ?? 0) > MAX_BODY_BYTES) return Promise.reject(tooLargeError());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (settle: () => void): void => {
      request.off("data", onData);
      request.off("end", onEnd);
      request.off("error", onBroken);
      request.off("close", onBroken);
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > MAX_BODY_BYTES) finish(() => reject(tooLargeError()));
    };
    const onEnd = (): void => {
      const [first] = chunks;
      finish(() => resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length)));
    };
    const onBroken = (cause?: unknown): void => finish(() => reject(badRequestError("unexpected EOF", cause)));
    const onAbort = (): void => finish(() => reject(signal.reason));
    if (signal.aborted) {
      onAbort();
      return;
    }
    request.on("data", onData);
    request.on("end", onEnd);
    request.on("error", onBroken);
    request.on("close", onBroken);
    signal.addEventListener("abort", onAbort);
  });
}

function tooLargeError(): ApiError {
  return new ApiError({
    code: 413,
    reason: "RequestEntityTooLarge",
    message: `Request entity too large: limit is ${MAX_BODY_BYTES}`,
  });
}
