/** The paths of the server itself: root, version, health, metrics, discovery, OpenAPI, and keys for token checkers. */
import type { KeyObject } from "node:crypto";
import type { Kind } from "#api/kind.ts";
import { keyIdOf } from "../authentication/json-web-token.ts";
import { SERVICE_ACCOUNT_ISSUER } from "../authentication/service-account-tokens.ts";
import { type Answer, jsonAnswer } from "./answer.ts";
import type { ApiRequest } from "./api-message.ts";
import { groupsOf } from "./discovery/discovered-resources.ts";
import { createServeDiscovery } from "./discovery/serve-discovery.ts";
import { type HealthCheck, serveHealth } from "./health.ts";
import type { InFlightLimit } from "./in-flight-limit.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import { createServeOpenApi, type OpenApiDeps } from "./serve-open-api.ts";
import { serverVersion } from "./server-version.ts";

export interface ServerPathDeps {
  readonly registry: { all(): readonly Kind[] };
  readonly openApiDocument: OpenApiDeps["documentOf"];
  readonly healthChecks: readonly HealthCheck[];
  readonly metrics: RequestMetrics;
  readonly limit: InFlightLimit;
  readonly serviceAccountKey: KeyObject;
  /** "127.0.0.1:6443", known once the server listens. */
  readonly serverAddress: () => string;
  readonly podwireVersion: string;
}

/** undefined for an unknown path. */
export type ServeServerPath = (
  request: ApiRequest,
  path: string,
  query: URLSearchParams,
) => Answer | Promise<Answer> | undefined;

const JWKS_PATH = "/openid/v1/jwks";

export function createServeServerPath(deps: ServerPathDeps): ServeServerPath {
  const { registry, healthChecks, metrics, limit, serverAddress } = deps;
  const serveDiscovery = createServeDiscovery({ registry, serverAddress });
  const serveOpenApi = createServeOpenApi({ registry, documentOf: deps.openApiDocument });
  const version = JSON.stringify(serverVersion(deps.podwireVersion));
  return (request, path, query) => {
    switch (path) {
      case "/":
        return jsonAnswer(200, JSON.stringify({ paths: rootPaths(registry.all()) }));
      case "/version":
      case "/version/":
        return jsonAnswer(200, version);
      case "/metrics":
        return metrics.answer({
          apiserver_current_inflight_requests_read: limit.reading,
          apiserver_current_inflight_requests_write: limit.writing,
        });
      case "/.well-known/openid-configuration":
        return jsonAnswer(200, JSON.stringify(openIdConfiguration(serverAddress())));
      case JWKS_PATH:
        return {
          ...jsonAnswer(200, JSON.stringify(keySet(deps.serviceAccountKey))),
          contentType: "application/jwk-set+json",
        };
      default:
        return (
          serveHealth(path, query, healthChecks) ?? serveOpenApi(request, path, query) ?? serveDiscovery(request, path)
        );
    }
  };
}

function rootPaths(kinds: readonly Kind[]): readonly string[] {
  const groups = groupsOf(kinds).flatMap(({ group, versions }) => {
    const root = group === "" ? "/api" : `/apis/${group}`;
    return [root, ...versions.map(({ version }) => `${root}/${version}`)];
  });
  const others = [
    "/apis",
    "/healthz",
    "/livez",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    JWKS_PATH,
    "/readyz",
    "/version",
  ];
  return [...groups, "/.well-known/openid-configuration", ...others].sort();
}

function openIdConfiguration(serverAddress: string) {
  return {
    issuer: SERVICE_ACCOUNT_ISSUER,
    jwks_uri: `https://${serverAddress}${JWKS_PATH}`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  };
}

function keySet(publicKey: KeyObject) {
  return { keys: [{ ...publicKey.export({ format: "jwk" }), use: "sig", alg: "ES256", kid: keyIdOf(publicKey) }] };
}
