/**
 * The control plane as a whole: store, caches, authorization, the resource API and the HTTP server, built in the order
 * in which they need each other and stopped in reverse.
 */
import { join } from "node:path";
import type { Kind } from "#api/kind.ts";
import { eventsEvent } from "#api/kinds/event/events-event.ts";
import { event } from "#api/kinds/event.ts";
import { pod } from "#api/kinds/pod/pod.ts";
import { service } from "#api/kinds/service/service.ts";
import { kinds } from "#api/kinds.ts";
import type { Prefix } from "#base/ip-address.ts";
import type { Log } from "#base/log.ts";
import { createClusterAdmission } from "./admission/cluster-admission.ts";
import { NODE_PORTS } from "./allocation/port-allocator.ts";
import { startServiceReservations } from "./allocation/service-reservations.ts";
import { createAuthenticator, type StaticToken } from "./authentication/create-authenticator.ts";
import { createObjectUidLookup } from "./authentication/object-uid-lookup.ts";
import { createServiceAccountTokens, SERVICE_ACCOUNT_ISSUER } from "./authentication/service-account-tokens.ts";
import { followNodePods } from "./authorization/follow-node-pods.ts";
import { followRoles } from "./authorization/follow-roles.ts";
import { nodeAuthorizer } from "./authorization/node-authorizer.ts";
import { rbacAuthorizer } from "./authorization/rbac-authorizer.ts";
import { createRbacIndex } from "./authorization/rbac-index.ts";
import { mastersAuthorizer, unionAuthorizer } from "./authorization/union-authorizer.ts";
import type { WatchCache } from "./cache/watch-cache.ts";
import { createWatchCaches } from "./cache/watch-caches.ts";
import { createCustomResourceCaches } from "./custom-resources/custom-resource-caches.ts";
import { startCustomResources } from "./custom-resources/start-custom-resources.ts";
import { ensureBootstrapObjects } from "./ensure-bootstrap-objects.ts";
import type { ListenerLimits } from "./http/listener-limits.ts";
import { type ApiServer, startApiServer } from "./http/start-api-server.ts";
import type { Listen } from "./http/start-listener.ts";
import { openPki, type Pki } from "./pki/open-pki.ts";
import { startCertificateRenewal } from "./pki/renew-certificates.ts";
import { serverNamesOf } from "./pki/server-names.ts";
import { createResourceApi } from "./resources/create-resource-api.ts";
import { createEventAliasCache } from "./resources/event-alias-cache.ts";
import { createKindRegistry, type KindRegistry } from "./resources/kind-registry.ts";
import type { ResourceApi } from "./resources/resource-api.ts";
import { createReviewAnswerer } from "./resources/review-answerer.ts";
import { startCompactor } from "./store/compactor.ts";
import type { Store } from "./store/store.ts";
import { createStoreCheck } from "./store/store-check.ts";

export interface ControlPlaneOptions {
  readonly listen: Listen;
  /** Certificates and keys; the store's file, where it has one. */
  readonly dataDirectory: string;
  /** Opened for this control plane, which closes it. */
  readonly store: Store;
  /** Names and addresses that clients reach the server by, besides the one it listens on. */
  readonly serverNames: readonly string[];
  /** The first is the default family; at most one of each. */
  readonly serviceCidrs: readonly Prefix[];
  readonly staticTokens: readonly StaticToken[];
  /** How long a new pod waits for the service account of a new namespace. */
  readonly defaultAccountWaitMs: number;
  readonly podwireVersion: string;
  /** Of clients that are slow or gone; absent ones are the defaults. */
  readonly limits?: Partial<ListenerLimits>;
  readonly log: Log;
  /** Certificates were made anew; the server uses them already. */
  readonly onCertificatesRenewed?: (pki: Pki) => Promise<void>;
}

export interface ControlPlane extends AsyncDisposable {
  readonly server: ApiServer;
  readonly pki: Pki;
  readonly registry: KindRegistry;
  readonly resourceApi: ResourceApi;
}

/** Resolves when the API server answers and knows its roles. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { listen, dataDirectory, log, serverNames, serviceCidrs } = options;
  const now = (): Date => new Date();
  const random = Math.random;
  const onLost = (error: unknown): void => log.error("watch lost", { error: String(error) });
  await using stack = new AsyncDisposableStack();
  const store = stack.use(options.store);
  const caches = stack.use(createWatchCaches(store));
  stack.use(startCompactor({ store, onError: (error) => log.error("compaction failed", { error: String(error) }) }));
  const customCaches = createCustomResourceCaches(withEventAlias(caches.of));
  const cacheOf = customCaches.of;
  const registry = createKindRegistry(kinds);
  const running = new AbortController();
  stack.defer(() => running.abort());
  const { signal } = running;

  const pkiOptions = { directory: join(dataDirectory, "pki"), serverNames: serverNamesOf(listen, serverNames), now };
  const index = createRbacIndex();
  const [pki, pods, reservations] = await Promise.all([
    openPki(pkiOptions),
    followNodePods({ pods: cacheOf(pod), onLost }, signal),
    startServiceReservations(
      {
        services: cacheOf(service),
        isSoleWriter: store.isSoleWriter,
        random,
        ranges: { serviceCidrs, nodePorts: NODE_PORTS },
        onShared: (shared) => log.error("service addresses are not unique", { shared: JSON.stringify(shared) }),
        onLost,
      },
      signal,
    ),
    followRoles({ caches: cacheOf, index, onLost }, signal),
  ]);
  const rbac = rbacAuthorizer(index);
  const authorizer = unionAuthorizer([mastersAuthorizer, nodeAuthorizer(pods), rbac]);
  const lookup = createObjectUidLookup(cacheOf);
  const tokens = createServiceAccountTokens({ keys: pki.serviceAccountKey, lookup, now });
  const resourceApi = createResourceApi({
    kinds: registry,
    caches: cacheOf,
    reservations,
    tokenIssuer: tokens,
    admission: createClusterAdmission({
      caches: cacheOf,
      random,
      defaultAccountWaitMs: options.defaultAccountWaitMs,
      pods,
      escalation: { authorizer, rbac, index },
    }),
    reviews: createReviewAnswerer({
      authorizer,
      rules: authorizer,
      reviewToken: (token, audiences, reviewSignal) =>
        tokens.review(token, audiences.length === 0 ? [SERVICE_ACCOUNT_ISSUER] : audiences, reviewSignal),
    }),
    clock: now,
    random,
  });
  await ensureBootstrapObjects(resourceApi, signal);
  const onError = (definition: string, error: unknown): void =>
    log.error("custom resource definition failed", { definition, error: String(error) });
  stack.use(await startCustomResources({ registry, caches: customCaches, resourceApi, now, onError }, signal));
  const server = stack.use(
    await startApiServer({
      listen,
      pki,
      registry,
      resourceApi,
      authenticator: createAuthenticator({ serviceAccountTokens: tokens, staticTokens: options.staticTokens }),
      authorizer,
      healthChecks: [
        { name: "ping", isLiveness: true, check: () => undefined },
        { name: "store", isLiveness: false, check: createStoreCheck({ store }) },
      ],
      podwireVersion: options.podwireVersion,
      ...(options.limits !== undefined && { limits: options.limits }),
      log,
      now,
      random,
    }),
  );
  stack.use(
    startCertificateRenewal({
      current: pki,
      open: () => openPki(pkiOptions),
      async onRenewed(renewed) {
        server.useCertificates(renewed);
        await options.onCertificatesRenewed?.(renewed);
      },
      onError: (error) => log.error("certificates not renewed", { error: String(error) }),
    }),
  );
  const parts = stack.move();
  return { server, pki, registry, resourceApi, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** Events have two names and one cache. */
function withEventAlias(of: (kind: Kind) => WatchCache): (kind: Kind) => WatchCache {
  const alias = createEventAliasCache(of(event));
  return (kind) => (kind.group === eventsEvent.group && kind.plural === eventsEvent.plural ? alias : of(kind));
}
