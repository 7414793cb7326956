/**
 * From the endpoints that an owner should have to what must be written: slices to create, update and delete. Slices
 * are grouped by family and ports, since all endpoints of a slice serve the same ports.
 */
import type { AddressType, EndpointPort, EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { OwnerReference } from "#api/meta/object-meta.ts";
import type { Draft } from "#api-client/api-client.ts";
import { sameJson } from "../same-json.ts";
import { type FilledSlice, fitEndpoints, type WantedEndpoint } from "./fit-endpoints.ts";

export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";
export const MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by";
export const HEADLESS_LABEL = "service.kubernetes.io/headless";
export const TRIGGER_TIME_ANNOTATION = "endpoints.kubernetes.io/last-change-trigger-time";

/** What all slices of an owner have in common. */
export interface SliceFrame {
  readonly namespace: string;
  readonly generateName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly owner: OwnerReference;
}

export interface WantedGroup {
  readonly addressType: AddressType;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly WantedEndpoint[];
}

export interface SliceWish {
  readonly frame: SliceFrame;
  readonly groups: readonly WantedGroup[];
  /** Families that get an empty slice when there is nothing to put into one. */
  readonly placeholders: readonly AddressType[];
  /** For slices of endpoints that say nothing of the time. */
  readonly createdAt: string | undefined;
}

export interface SlicePlan {
  readonly create: readonly Draft<EndpointSlice>[];
  readonly update: readonly EndpointSlice[];
  readonly delete: readonly EndpointSlice[];
}

/** A slice as it should be; `slice` is the one that becomes it, and undefined for a new one. */
interface Target {
  readonly slice: EndpointSlice | undefined;
  readonly ports: readonly EndpointPort[];
  readonly filled: FilledSlice;
}

export function planSlices(existing: readonly EndpointSlice[], wish: SliceWish, maxPerSlice: number): SlicePlan {
  // What is being deleted belongs to nobody any more.
  const slices = existing.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const types = new Set<AddressType>([
    ...wish.placeholders,
    ...wish.groups.map(({ addressType }) => addressType),
    ...slices.map(({ addressType }) => addressType),
  ]);
  const plans = [...types].map((type) => planFamily(type, slices, wish, maxPerSlice));
  return {
    create: plans.flatMap((plan) => plan.create),
    update: plans.flatMap((plan) => plan.update),
    delete: plans.flatMap((plan) => plan.delete),
  };
}

function planFamily(type: AddressType, all: readonly EndpointSlice[], wish: SliceWish, maxPerSlice: number): SlicePlan {
  const slices = Map.groupBy(
    all.filter(({ addressType }) => addressType === type),
    ({ ports }) => portsKey(ports),
  );
  const groups = new Map(
    wish.groups.filter(({ addressType }) => addressType === type).map((group) => [portsKey(group.ports), group]),
  );
  const targets = [...new Set([...slices.keys(), ...groups.keys()])].flatMap((key) => {
    const own = slices.get(key) ?? [];
    const group = groups.get(key);
    const ports = group?.ports ?? own[0]?.ports ?? [];
    return fitEndpoints(own, group?.endpoints ?? [], maxPerSlice).map(
      (filled): Target => ({ slice: filled.slice, ports, filled }),
    );
  });
  const [used, empty] = partition(targets, ({ filled }) => filled.endpoints.length > 0);
  const needsPlaceholder = used.length === 0 && wish.placeholders.includes(type);
  return settle(needsPlaceholder ? [placeholder()] : used, empty, { type, wish });
}

function placeholder(): Target {
  return { slice: undefined, ports: [], filled: { slice: undefined, endpoints: [], isChanged: false, changedAt: [] } };
}

/** New slices take the place of those that would be deleted. */
function settle(
  targets: readonly Target[],
  spare: readonly Target[],
  { type, wish }: { readonly type: AddressType; readonly wish: SliceWish },
): SlicePlan {
  const free = spare.flatMap(({ slice }) => (slice === undefined ? [] : [slice]));
  const placed = targets.map((target) => ({ ...target, slice: target.slice ?? takeFitting(free, target) }));
  return {
    create: placed.filter(({ slice }) => slice === undefined).map((target) => newSlice(type, target, wish)),
    update: placed.flatMap(({ slice, ...target }) => (slice === undefined ? [] : changedSlice(slice, target, wish))),
    delete: free,
  };
}

/** Best one that is right already: an empty slice without ports stays the placeholder that it is. */
function takeFitting(free: EndpointSlice[], { ports, filled }: Target): EndpointSlice | undefined {
  const isRight = (slice: EndpointSlice): boolean =>
    sameJson(slice.endpoints ?? [], filled.endpoints) && portsKey(slice.ports) === portsKey(ports);
  const right = free.findIndex(isRight);
  return free.splice(Math.max(0, right), 1)[0];
}

function newSlice(addressType: AddressType, { ports, filled }: Target, wish: SliceWish): Draft<EndpointSlice> {
  const { namespace, generateName, labels, owner } = wish.frame;
  const annotations = annotationsOf(filled, wish);
  return {
    metadata: {
      generateName,
      namespace,
      labels,
      ...(annotations !== undefined && { annotations }),
      ownerReferences: [owner],
    },
    addressType,
    endpoints: filled.endpoints,
    ports,
  };
}

function changedSlice(slice: EndpointSlice, { ports, filled }: Omit<Target, "slice">, wish: SliceWish) {
  const { frame } = wish;
  const { labels, ownerReferences = [], annotations = {} } = slice.metadata;
  const isOwned = ownerReferences.some(({ uid, controller }) => uid === frame.owner.uid && controller === true);
  const isFramed =
    isOwned &&
    sameJson(labels, frame.labels) &&
    Object.entries(frame.annotations).every(([name, value]) => annotations[name] === value);
  const isSame =
    sameJson(slice.endpoints ?? [], filled.endpoints) && portsKey(slice.ports) === portsKey(ports) && isFramed;
  if (isSame) return [];
  const next: EndpointSlice = {
    ...slice,
    metadata: {
      ...slice.metadata,
      labels: frame.labels,
      annotations: annotationsOf(filled, wish),
      ownerReferences: isOwned ? ownerReferences : [frame.owner],
    },
    endpoints: filled.endpoints,
    ports,
  };
  return [next];
}

/** The earliest change that the slice tells; nothing when it tells none. */
function annotationsOf({ slice, changedAt }: FilledSlice, { frame, createdAt }: SliceWish) {
  const earliest = changedAt.toSorted()[0] ?? (slice === undefined ? createdAt : undefined);
  const annotations = { ...frame.annotations, ...(earliest !== undefined && { [TRIGGER_TIME_ANNOTATION]: earliest }) };
  return Object.keys(annotations).length === 0 ? undefined : annotations;
}

/** The same for the same ports in any order. */
function portsKey(ports: readonly EndpointPort[] | undefined): string {
  const texts = (ports ?? []).map(({ name = "", protocol = "TCP", port, appProtocol }) =>
    JSON.stringify([name, protocol, port, appProtocol]),
  );
  return texts.toSorted().join();
}

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}
