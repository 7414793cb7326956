/** Services, EndpointSlices and Namespaces as the API has them, told to the zone one object at a time. */
import { type EndpointSlice, endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { service } from "#api/kinds/service/service.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import type { ClusterZone } from "#dns/zone/create-cluster-zone.ts";
import { SERVICE_NAME_LABEL } from "#dns/zone/create-cluster-zone.ts";
import { DNS_SERVICE, type ServingFacts } from "./decide-serving.ts";
import { slimService, slimSlice } from "./slim-objects.ts";

export interface FollowedCluster extends AsyncDisposable {
  /** Resolves when all objects are known. */
  readonly synced: Promise<void>;
  /** Of the cluster's own DNS Service. */
  servingFacts(): Omit<ServingFacts, "addresses">;
}

export interface FollowDeps {
  readonly client: ApiClient;
  readonly zone: ClusterZone;
  /** The cluster's DNS Service, or who serves it, changed. */
  readonly onServiceChange: () => void;
  readonly onError: (error: unknown) => void;
}

const OWN_KEY = `${DNS_SERVICE.namespace}/${DNS_SERVICE.name}`;
/** Soon: names wait for it. */
const BACK_OFF = { firstMs: 200, lastMs: 5_000, resetMs: 30_000 } as const;

export function followCluster({ client, zone, onServiceChange, onError }: FollowDeps): FollowedCluster {
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
  const tell = ({
    namespace: of,
    name,
  }: {
    readonly namespace?: string | undefined;
    readonly name?: string | undefined;
  }) => {
    if (of === DNS_SERVICE.namespace && name === DNS_SERVICE.name) onServiceChange();
  };
  services.subscribe({
    onAdd: (object) => {
      zone.setService(object);
      tell(object.metadata);
    },
    onUpdate: (object) => {
      zone.setService(object);
      tell(object.metadata);
    },
    onDelete: (object) => {
      zone.deleteService(object);
      tell(object.metadata);
    },
  });
  const ownerOf = ({ metadata }: EndpointSlice) => ({
    namespace: metadata.namespace,
    name: metadata.labels?.[SERVICE_NAME_LABEL],
  });
  slices.subscribe({
    onAdd: (object) => {
      zone.setSlice(object);
      tell(ownerOf(object));
    },
    onUpdate: (object) => {
      zone.setSlice(object);
      tell(ownerOf(object));
    },
    onDelete: (object) => {
      zone.deleteSlice(object);
      tell(ownerOf(object));
    },
  });
  namespaces.subscribe({
    onAdd: ({ metadata }) => zone.setNamespace(metadata.name ?? ""),
    onDelete: ({ metadata }) => zone.deleteNamespace(metadata.name ?? ""),
  });
  const all = [services, slices, namespaces];
  return {
    synced: Promise.all(all.map(({ synced }) => synced)).then(() => undefined),
    servingFacts: () => ({
      service: services.get(DNS_SERVICE.namespace, DNS_SERVICE.name),
      slices: slices.byIndex("service", OWN_KEY),
    }),
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((informer) => informer[Symbol.asyncDispose]()));
    },
  };
}
