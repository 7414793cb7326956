/**
 * The agent's one way to the Kubernetes API: its parts share the connection, and one informer for each kind that several
 * of them follow.
 */
import type { Kind, KubeObject } from "#api/kind.ts";
import { endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { service } from "#api/kinds/service/service.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { createHttpClient } from "#api-client/http-client.ts";
import type { Informer } from "#api-client/informer.ts";
import { inClusterConfig, loadKubeconfig } from "#api-client/kubeconfig.ts";
import type { Log } from "#base/log.ts";
import { slimService, slimSlice } from "#service/slim-objects.ts";

export interface Cluster extends AsyncDisposable {
  readonly client: ApiClient;
  /** All objects of the kind. Started by the first who asks, and kept for all until the agent ends. */
  informer<O extends KubeObject>(kind: Kind<O>): Informer<O>;
  /** Why an informer cannot go on; "" when none has failed yet. */
  readonly lastError: string;
  /** Gives up the connections: they were made from an address that the node no longer has. */
  reconnect(): void;
}

export interface OpenClusterOptions {
  /** Absent: the account of the pod that the agent runs in. */
  readonly kubeconfig: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

/** Why there is no way to the API. */
export class NoClusterError extends Error {
  override readonly name = "NoClusterError";

  constructor() {
    super("Cannot follow the cluster: no kubeconfig is given, and this is no pod with a service account");
  }
}

export function openCluster({ kubeconfig, environment, log }: OpenClusterOptions): Cluster {
  const config = kubeconfig === undefined ? inClusterConfig(environment) : loadKubeconfig(kubeconfig);
  if (config === undefined) throw new NoClusterError();
  const client = createHttpClient(config, { userAgent: "podwire-agent" });
  const shared = shareCluster(client, log);
  return {
    client,
    informer: shared.informer,
    get lastError() {
      return shared.lastError;
    },
    reconnect: () => client.connection.drop(),
    async [Symbol.asyncDispose]() {
      await shared[Symbol.asyncDispose]();
      client[Symbol.dispose]();
    },
  };
}

/** Who wrote which field is nothing to an agent, and as large as the rest. */
function withoutManagedFields<O extends KubeObject>(object: O): O {
  const { managedFields, ...metadata } = object.metadata;
  return managedFields === undefined ? object : { ...object, metadata };
}

/** Kinds of which there are most: what the agent's parts look at. A function and its kind are of one type. */
const SLIM: ReadonlyMap<unknown, unknown> = new Map<unknown, unknown>([
  [service, slimService],
  [endpointSlice, slimSlice],
]);

function keepOf<O extends KubeObject>(kind: Kind<O>): (object: O) => O {
  return (SLIM.get(kind) as ((object: O) => O) | undefined) ?? withoutManagedFields; // see SLIM
}

/** Over a client that somebody else owns. */
export function shareCluster(client: ApiClient, log: Log): Cluster {
  // A kind and its informer are of one type, which a map cannot say: one place puts them in, by the kind that it made it of.
  const informers = new Map<Kind, AsyncDisposable>();
  let lastError = "";
  return {
    client,
    informer<O extends KubeObject>(kind: Kind<O>): Informer<O> {
      const known = informers.get(kind as unknown as Kind);
      if (known !== undefined) return known as Informer<O>;
      const informer = createInformer({
        client,
        kind,
        keep: keepOf(kind),
        onError(error) {
          lastError = error instanceof Error ? error.message : String(error);
          log.error("cluster not followed", { kind: kind.kind, error: lastError });
        },
      });
      informers.set(kind as unknown as Kind, informer);
      return informer;
    },
    get lastError() {
      return lastError;
    },
    reconnect: () => undefined,
    async [Symbol.asyncDispose]() {
      await Promise.all([...informers.values()].map((informer) => informer[Symbol.asyncDispose]()));
    },
  };
}
