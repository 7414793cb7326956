/** Services, EndpointSlices and Namespaces as the API has them, told to the zone one object at a time. */
import type { KubeObject } from "#api/kind.ts";
import { endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { service } from "#api/kinds/service/service.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import type { Informer } from "#api-client/informer.ts";
import type { ClusterZone } from "#dns/zone/create-cluster-zone.ts";
import { SERVICE_NAME_LABEL } from "#dns/zone/create-cluster-zone.ts";
import type { FollowedKind, Revisions } from "../services/programmed-revisions.ts";
import { DNS_SERVICE, type ServingFacts } from "./decide-serving.ts";
import { slimService, slimSlice } from "./slim-objects.ts";

export interface FollowedCluster extends AsyncDisposable {
  /** Resolves when all objects are known. */
  readonly synced: Promise<void>;
  /** Versions up to which the zone has the objects; 0 before all are known. */
  revisions(): Revisions;
  /** Of the cluster's own DNS Service. */
  servingFacts(): Omit<ServingFacts, "addresses">;
}

export interface FollowDeps {
  readonly client: ApiClient;
  readonly zone: ClusterZone;
  /** The cluster's DNS Service, or who serves it, changed. */
  readonly onServiceChange: () => void;
  /** The zone has changed. */
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

/** Of a Service. */
interface NameOf {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

const OWN_KEY = `${DNS_SERVICE.namespace}/${DNS_SERVICE.name}`;
/** Soon: names wait for it. */
const BACK_OFF = { firstMs: 200, lastMs: 5_000, resetMs: 30_000 } as const;

export function followCluster(deps: FollowDeps): FollowedCluster {
  const { client, zone, onServiceChange, onChange, onError } = deps;
  const options = { client, onError, backOff: BACK_OFF };
  const services = createInformer({ ...options, kind: service, keep: slimService });
  const slices = createInformer({
    ...options,
    kind: endpointSlice,
    keep: slimSlice,
    indexes: {
      service: ({ metadata }) => [`${metadata.namespace}/${metadata.labels?.[SERVICE_NAME_LABEL]}`],
    },
  });
  const namespaces = createInformer({ ...options, kind: namespace });
  const tell = ({ namespace: of, name }: NameOf): void => {
    if (of === DNS_SERVICE.namespace && name === DNS_SERVICE.name) onServiceChange();
  };
  const known = { services: 0, endpointSlices: 0 };
  const taken = (kind: FollowedKind, { resourceVersion }: KubeObject["metadata"]): void => {
    // Events of a kind come in the order of their versions, and the zone has what it was told.
    known[kind] = Math.max(known[kind], Number(resourceVersion) || 0);
    onChange();
  };
  const follow = <O extends KubeObject>(
    informer: Informer<O>,
    kind: FollowedKind,
    { set, remove, nameOf }: { set(object: O): void; remove(object: O): void; nameOf(object: O): NameOf },
  ): void => {
    const handle = (change: (object: O) => void) => (object: O) => {
      change(object);
      taken(kind, object.metadata);
      tell(nameOf(object));
    };
    informer.subscribe({ onAdd: handle(set), onUpdate: handle(set), onDelete: handle(remove) });
  };
  follow(services, "services", {
    set: zone.setService,
    remove: zone.deleteService,
    nameOf: ({ metadata }) => metadata,
  });
  follow(slices, "endpointSlices", {
    set: zone.setSlice,
    remove: zone.deleteSlice,
    nameOf: ({ metadata }) => ({ namespace: metadata.namespace, name: metadata.labels?.[SERVICE_NAME_LABEL] }),
  });
  namespaces.subscribe({
    onAdd: ({ metadata }) => zone.setNamespace(metadata.name ?? ""),
    onDelete: ({ metadata }) => zone.deleteNamespace(metadata.name ?? ""),
  });
  const all = [services, slices, namespaces];
  return {
    synced: Promise.all(all.map(({ synced }) => synced)).then(() => undefined),
    revisions: () => (services.hasSynced() && slices.hasSynced() ? { ...known } : { services: 0, endpointSlices: 0 }),
    servingFacts: () => ({
      service: services.get(DNS_SERVICE.namespace, DNS_SERVICE.name),
      slices: slices.byIndex("service", OWN_KEY),
    }),
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((informer) => informer[Symbol.asyncDispose]()));
    },
  };
}
