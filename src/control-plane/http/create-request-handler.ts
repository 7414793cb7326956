/**
 * The way of every request: limit, who asks, may they, then the API's objects or one of the server's own paths.
 * Whatever goes wrong on the way is answered with a Status.
 */
import { type ApiError, internalError, isApiError } from "#api/api-error.ts";
import type { Log } from "#base/log.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import { accessDeniedError } from "../authorization/access-denied.ts";
import type { RequestContext, UserInfo } from "../resources/resource-api.ts";
import { negotiate } from "./accept.ts";
import { type Answer, errorAnswer, type SendOptions, sendAnswer } from "./answer.ts";
import { type ApiRequest, type ApiResponse, headerOf, parseUrl } from "./api-message.ts";
import type { Connector } from "./connect/create-connector.ts";
import type { Upgrade } from "./connect/serve-connect.ts";
import { credentialsOf, unauthorizedError } from "./credentials.ts";
import { isHealthPath } from "./health.ts";
import { impersonate } from "./impersonation.ts";
import type { InFlightLimit } from "./in-flight-limit.ts";
import { READ_OPTIONS } from "./query-options.ts";
import { authorizationRequest, isReadOnly, isTrue, verbOf } from "./request-info.ts";
import { createLifetime, deadlineOf, type Lifetime } from "./request-lifetime.ts";
import type { RequestLabels, RequestMetrics } from "./request-metrics.ts";
import { parseRequestPath, type RequestPath } from "./request-path.ts";
import { methodNotAllowedError, resolveTarget, unknownPathError } from "./resolve-target.ts";
import { type ResourceDeps, serveResource } from "./serve-resource.ts";
import type { ServeServerPath } from "./serve-server-path.ts";
import { destroyResponse } from "./watch/watch-stream.ts";

export interface RequestHandlerDeps extends ResourceDeps {
  readonly authenticator: Authenticator;
  readonly connector: Connector;
  /** The server's own paths: discovery, OpenAPI, health, version. */
  readonly servePath: ServeServerPath;
  readonly limit: InFlightLimit;
  /** What a client gets to take an answer whole. */
  readonly answerMs: number;
  readonly metrics: RequestMetrics;
  readonly log: Log;
}

/** Never rejects. */
export type RequestHandler = (request: ApiRequest, response: ApiResponse, upgrade?: Upgrade) => Promise<void>;

interface Call {
  readonly request: ApiRequest;
  readonly response: ApiResponse;
  readonly upgrade: Upgrade | undefined;
  readonly path: RequestPath;
  readonly query: URLSearchParams;
  readonly lifetime: Lifetime;
  warn(text: string): void;
}

export function createRequestHandler(deps: RequestHandlerDeps): RequestHandler {
  return async (request, response, upgrade) => {
    const startedAt = performance.now();
    const warnings = new Set<string>();
    const { path: rawPath, query } = parseUrl(request.url ?? "/");
    const { answerMs } = deps;
    const fail = async (error: unknown, lifetime?: Lifetime): Promise<void> => {
      // The client is gone, or has got the beginning of another answer.
      if (lifetime?.isAbandoned() === true) return;
      if (response.headersSent) destroyResponse(response);
      else
        await send({ request, response, query, warnings, answerMs }, errorAnswer(asApiError(deps.log, request, error)));
    };
    let labels: RequestLabels | undefined;
    try {
      const path = parseRequestPath(rawPath);
      const streams = isStream(deps, request, path, query);
      labels = labelsOf(request, path, query);
      using lifetime = createLifetime(response, streams ? undefined : deadlineOf(query));
      using _slot = streams ? deps.metrics.watchStarted(labels) : enter(deps, request, path);
      const call: Call = { request, response, upgrade, path, query, lifetime, warn: (text) => void warnings.add(text) };
      try {
        const answer = await serve(deps, call);
        if (answer !== undefined)
          await send({ request, response, query, warnings, answerMs, signal: lifetime.signal }, answer);
      } catch (error) {
        await fail(error, lifetime);
      }
    } catch (error) {
      await fail(error);
    }
    if (labels !== undefined) {
      deps.metrics.observe(labels, response.statusCode, (performance.now() - startedAt) / 1000);
    }
  };
}

async function serve(deps: RequestHandlerDeps, call: Call): Promise<Answer | undefined> {
  const { request, response, path, query, lifetime, upgrade, warn } = call;
  const { signal } = lifetime;
  const isOpen = path.type === "other" && isHealthPath(path.path);
  const user = isOpen ? undefined : await authorizedUser(deps, call);
  if (path.type === "other") {
    const answer = await deps.servePath(request, path.path, query);
    if (answer === undefined) throw unknownPathError();
    if (!isOpen && !isReadOnly(request.method ?? "GET")) throw methodNotAllowedError();
    return answer;
  }
  if (user === undefined) throw unauthorizedError();
  const verb = verbOf(request.method ?? "GET", path, query);
  const target = resolveTarget(deps.registry, path, verb);
  const connect = deps.connector(target);
  if (connect === undefined)
    return await serveResource(deps, { request, response, target, verb, query, user, signal, warn });
  const context: RequestContext = { ...READ_OPTIONS, user, signal, warn };
  // Nothing else would end a connection that both sides keep open.
  const untilStop = AbortSignal.any([signal, deps.stopping]);
  await connect({ request, response, target, query, rest: path.rest, upgrade, signal: untilStop }, context);
  return undefined;
}

/** Throws ApiError 401 or 403. */
async function authorizedUser(deps: RequestHandlerDeps, { request, path, query, lifetime }: Call): Promise<UserInfo> {
  const credentials = credentialsOf(request, deps.now());
  const user = await deps.authenticator.authenticate(credentials, lifetime.signal);
  if (user === undefined) throw unauthorizedError();
  const effective = impersonate(request, user, deps.authorizer);
  const attributes = authorizationRequest(effective, request.method ?? "GET", path, query);
  const decision = deps.authorizer.authorize(attributes);
  if (!decision.isAllowed) throw accessDeniedError(attributes, decision);
  return effective;
}

const STREAMS: readonly string[] = ["log", "exec", "attach", "portforward", "proxy"];

/** Requests that last as long as the client likes. */
function isStream(
  { registry }: RequestHandlerDeps,
  request: ApiRequest,
  path: RequestPath,
  query: URLSearchParams,
): boolean {
  if (path.type === "other") return false;
  const isKnown = registry.find(path.group, path.version, path.resource) !== undefined;
  return isKnown && (STREAMS.includes(path.subresource) || verbOf(request.method ?? "", path, query) === "watch");
}

const NO_SLOT: Disposable = { [Symbol.dispose]: () => undefined };

function enter({ limit }: RequestHandlerDeps, { method = "GET" }: ApiRequest, path: RequestPath): Disposable {
  if (path.type === "other" && isHealthPath(path.path)) return NO_SLOT;
  return limit.enter(isReadOnly(method) ? "reading" : "writing");
}

interface Sending {
  readonly request: ApiRequest;
  readonly response: ApiResponse;
  readonly query: URLSearchParams;
  readonly warnings: ReadonlySet<string>;
  readonly answerMs: number;
  readonly signal?: AbortSignal;
}

async function send({ request, response, query, warnings, answerMs, signal }: Sending, answer: Answer): Promise<void> {
  giveUpAfter(response, answerMs);
  const options: SendOptions = {
    warnings: [...warnings],
    isPretty: isPretty(request, query),
    format: formatOf(request, answer),
  };
  await sendAnswer(request, response, answer, options, signal);
}

/** Whoever sends while it reads nothing is not idle: only the time counts. */
function giveUpAfter(response: ApiResponse, ms: number): void {
  const timer = setTimeout(() => destroyResponse(response), ms);
  timer.unref();
  const stop = (): void => clearTimeout(timer);
  response.once("finish", stop);
  response.once("close", stop);
}

/** Asked for, or when the client is a person. */
function isPretty(request: ApiRequest, query: URLSearchParams): boolean {
  if (query.has("pretty")) return isTrue(query.get("pretty"));
  return /^(curl|Wget|Mozilla\/5\.0)/.test(headerOf(request, "user-agent") ?? "");
}

function formatOf(request: ApiRequest, { status }: Answer): SendOptions["format"] {
  const accept = headerOf(request, "accept") ?? "";
  // An error is always JSON: that the client accepts nothing that we have may be the error.
  return status < 400 && accept.includes("yaml") ? negotiate(accept).format : "json";
}

function asApiError(log: Log, request: ApiRequest, error: unknown): ApiError {
  if (isApiError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  log.error("request failed", {
    method: request.method,
    url: request.url,
    error: error instanceof Error ? (error.stack ?? message) : message,
  });
  return internalError(message, error);
}

function labelsOf({ method = "GET" }: ApiRequest, path: RequestPath, query: URLSearchParams): RequestLabels {
  if (path.type === "other") return { verb: method, group: "", resource: "", subresource: "" };
  const { group, resource, subresource } = path;
  return { verb: (verbOf(method, path, query) ?? method).toUpperCase(), group, resource, subresource };
}
