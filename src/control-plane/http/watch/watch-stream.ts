/**
 * Answers a watch: newline-separated JSON events until the client leaves, its time is over or the server stops.
 * Source: Kubernetes documentation, "Kubernetes API Concepts" (efficient detection of changes).
 */
import { type ApiError, internalError, isApiError } from "#api/api-error.ts";
import type { RequestContext, ResourceApi, Target, WatchOptions } from "../../resources/resource-api.ts";
import { type ApiResponse, isHttp2, sendHead } from "../api-message.ts";
import type { EventEncoder } from "./event-text.ts";
import { type ByteStream, createWatchWriter } from "./watch-writer.ts";

/** How long a watch lasts when the client does not say: 30 to 60 minutes, so that not all end at once. */
const MIN_WATCH_MS = 30 * 60 * 1000;
/** What a reader gets to take the rest after the end; then it is cut off. */
const CLOSE_DEADLINE_MS = 10_000;

export interface WatchRequest {
  readonly resourceApi: ResourceApi;
  readonly target: Target;
  readonly options: WatchOptions;
  readonly context: RequestContext;
  /** Seconds; 0 when the client does not say. */
  readonly timeoutSeconds: number;
  readonly encoder: EventEncoder;
  readonly firstEncoder: EventEncoder;
  readonly random: () => number;
  /** Aborted when the server stops: the watch ends in order. */
  readonly stopping: AbortSignal;
}

/** Resolves when the watch is over; rejects when it could not begin, and then nothing has been sent. */
export async function serveWatch(response: ApiResponse, request: WatchRequest): Promise<void> {
  const { resourceApi, target, options, context, encoder, firstEncoder, stopping } = request;
  const over = Promise.withResolvers<void>();
  const ended = new AbortController();
  const head = createHead(response);
  const stream = byteStreamOf(response, head);
  const onOver = (): void => {
    ended.abort();
    over.resolve();
  };
  const writer = createWatchWriter({ stream, encoder, firstEncoder, onOver });
  response.on("drain", writer.onDrain);
  response.on("close", onOver);
  const wantedMs = request.timeoutSeconds > 0 ? request.timeoutSeconds * 1000 : MIN_WATCH_MS * (1 + request.random());
  const timeoutMs = Math.min(wantedMs, MAX_TIMER_MS);
  const timer = setTimeout(writer.end, timeoutMs);
  const signal = AbortSignal.any([context.signal, ended.signal]);
  try {
    const sink = {
      onEvent: writer.onEvent,
      onError: (error: Error) => writer.onError(asApiError(error)),
    };
    await resourceApi.watch(target, { ...options, timeoutMs }, sink, { ...context, signal });
    head.send();
    if (stopping.aborted) writer.end();
    stopping.addEventListener("abort", writer.end);
    await over.promise;
  } catch (error) {
    // Once events are on their way, an error can only be one more event.
    if (!head.isSent()) throw error;
    writer.onError(asApiError(error));
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener("abort", writer.end);
    ended.abort();
  }
}

/** setTimeout takes 31 bits. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function asApiError(error: unknown): ApiError {
  return isApiError(error) ? error : internalError(error instanceof Error ? error.message : String(error), error);
}

interface Head {
  isSent(): boolean;
  send(): void;
}

/** Clients wait for the headers before they trust the watch, so they go out as soon as it stands. */
function createHead(response: ApiResponse): Head {
  return {
    isSent: () => response.headersSent,
    send() {
      if (response.headersSent || response.destroyed) return;
      response.setHeader("content-type", "application/json");
      response.setHeader("cache-control", "no-cache, private");
      sendHead(response, 200);
    },
  };
}

function byteStreamOf(response: ApiResponse, head: Head): ByteStream {
  return {
    write(bytes) {
      head.send();
      // A response that is gone takes nothing more; its `close` ends the watch.
      return isHttp2(response) ? response.write(bytes) : response.write(bytes);
    },
    end(bytes) {
      head.send();
      if (bytes === undefined) response.end();
      else response.end(bytes);
      const timer = setTimeout(() => destroyResponse(response), CLOSE_DEADLINE_MS);
      response.once("close", () => clearTimeout(timer));
    },
  };
}

/** For HTTP/2 the stream alone, for HTTP/1.1 the connection. */
export function destroyResponse(response: ApiResponse): void {
  if (isHttp2(response)) response.stream.destroy();
  else response.destroy();
}
