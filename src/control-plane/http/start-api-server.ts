/** Puts the HTTP server together: what answers which path, behind the listener. */
import { openApiDocument } from "#api/schema/open-api.ts";
import type { Log } from "#base/log.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { Pki } from "../pki/open-pki.ts";
import type { KindRegistry } from "../resources/kind-registry.ts";
import type { ResourceApi } from "../resources/resource-api.ts";
import { createConnector } from "./connect/create-connector.ts";
import { createRequestHandler } from "./create-request-handler.ts";
import type { HealthCheck } from "./health.ts";
import { createInFlightLimit } from "./in-flight-limit.ts";
import { DEFAULT_LIMITS, type ListenerLimits } from "./listener-limits.ts";
import { createRequestMetrics } from "./request-metrics.ts";
import { createServeServerPath } from "./serve-server-path.ts";
import { type Listen, startListener } from "./start-listener.ts";
import { createEventEncoders } from "./watch/event-text.ts";

export interface ApiServerOptions {
  readonly listen: Listen;
  readonly pki: Pki;
  readonly registry: KindRegistry;
  readonly resourceApi: ResourceApi;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly healthChecks: readonly HealthCheck[];
  readonly limits?: Partial<ListenerLimits>;
  readonly podwireVersion: string;
  readonly log: Log;
  readonly now: () => Date;
  /** From 0 to below 1. */
  readonly random: () => number;
}

export interface ApiServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** For connections from now on, of clients to the server and of the server to kubelets. */
  useCertificates(certificates: Pick<Pki, "server" | "kubeletClient">): void;
}

/** Resolves when it listens; dispose to stop it: watches end, requests finish, within a few seconds. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { listen, pki, registry, resourceApi, authorizer, now, random } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const stopping = new AbortController();
  const metrics = createRequestMetrics();
  const limit = createInFlightLimit();
  let kubeletTls = { ca: pki.certificateAuthority, ...pki.kubeletClient };
  let serverAddress = `${listen.host}:${listen.port}`;
  const handle = createRequestHandler({
    ...options,
    limit,
    answerMs: limits.answerMs,
    metrics,
    stopping: stopping.signal,
    encoderFor: createEventEncoders(now),
    connector: createConnector({ resourceApi, kubeletTls: () => kubeletTls, random }),
    servePath: createServeServerPath({
      registry,
      openApiDocument,
      healthChecks: options.healthChecks,
      metrics,
      limit,
      serviceAccountKey: pki.serviceAccountKey.publicKey,
      serverAddress: () => serverAddress,
      podwireVersion: options.podwireVersion,
    }),
    authorizer,
  });
  const listener = await startListener({
    listen,
    certificate: pki.server,
    clientAuthority: pki.certificateAuthority,
    handle,
    limits,
    stopping,
  });
  serverAddress = `${listener.host}:${listener.port}`;
  return {
    ...listener,
    useCertificates({ server, kubeletClient }) {
      listener.useCertificate(server);
      kubeletTls = { ca: pki.certificateAuthority, ...kubeletClient };
    },
  };
}
