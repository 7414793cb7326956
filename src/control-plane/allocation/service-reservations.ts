/**
 * Gives Services their addresses and node ports. What is stored is learnt from the Services' watch, at start and as it
 * changes; what requests in flight take is held in between, so that two of them never get the same.
 */
import { ApiError, invalidError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import { type Service, service } from "#api/kinds/service/service.ts";
import { validateClusterIps } from "#api/kinds/service/validate-cluster-ips.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import type { Reservation, Reservations } from "../resources/resource-deps.ts";
import { asKind, revisionOf } from "../resources/stored-object.ts";
import type { Revision } from "../store/store.ts";
import { followCache } from "./follow-cache.ts";
import { familyName, planIpFamilies } from "./plan-ip-families.ts";
import { reserveAddresses, reservePorts, type Taken } from "./reserve-service.ts";
import { createServiceNumbers, type ServiceNumbers, type ServiceRanges, type SharedNumber } from "./service-numbers.ts";

export interface ServiceReservationDeps {
  readonly services: WatchCache;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly ranges: ServiceRanges;
  /** Told after each start of the watch. */
  onShared(shared: readonly SharedNumber[]): void;
  /** The watch ended; it is begun anew, and until then no Service gets anything. */
  onLost(error: unknown): void;
}

/** Resolves when all Services are known. Ends with `signal`. */
export async function startServiceReservations(
  { services, random, ranges, onShared, onLost }: ServiceReservationDeps,
  signal: AbortSignal,
): Promise<Reservations> {
  const numbers = createServiceNumbers(ranges, random);
  const held = createHeld();
  let isKnown = false;
  const follower = {
    onObject: (object: KubeObject) => numbers.set(asKind(service, object)),
    onGone: (object: KubeObject) => numbers.remove(asKind(service, object)),
    onInitialEnd(objects: readonly KubeObject[]) {
      numbers.keepOnly(objects.map((object) => asKind(service, object)));
      isKnown = true;
      const shared = numbers.shared();
      if (shared.length > 0) onShared(shared);
    },
    onRevision: held.see,
    onLost(error: unknown) {
      isKnown = false;
      onLost(error);
    },
  };
  await followCache(services, follower, signal);
  return {
    handles: isService,
    reserve(next, old) {
      if (!isKnown) throw notKnownError();
      return reserve(numbers, held, { next, old });
    },
  };
}

function isService({ group, plural }: Kind): boolean {
  return group === service.group && plural === service.plural;
}

function notKnownError(): ApiError {
  return new ApiError({
    code: 503,
    reason: "ServiceUnavailable",
    message: "the addresses of services are not known at the moment",
    details: { retryAfterSeconds: 1 },
  });
}

/** Undoes what requests took once the watch has told what became of them. */
interface Held {
  see(revision: Revision): void;
  /** At once, when the watch is there already. */
  dropAt(revision: Revision, drop: () => void): void;
  /** With the next revision: whatever a request did that nobody knows of has been told then. */
  dropLater(drop: () => void): void;
}

function createHeld(): Held {
  let seen: Revision = 0;
  let waiting: readonly { readonly at: Revision; readonly drop: () => void }[] = [];
  const dropAt = (at: Revision, drop: () => void): void => {
    if (at <= seen) drop();
    else waiting = [...waiting, { at, drop }];
  };
  return {
    see(revision) {
      seen = Math.max(seen, revision);
      if (waiting.length === 0) return;
      const due = waiting.filter(({ at }) => at <= seen);
      waiting = waiting.filter(({ at }) => at > seen);
      for (const { drop } of due) drop();
    },
    dropAt,
    dropLater: (drop) => dropAt(seen + 1, drop),
  };
}

interface ServiceChange {
  readonly next: KubeObject;
  readonly old: KubeObject | undefined;
}

function reserve(numbers: ServiceNumbers, held: Held, { next, old }: ServiceChange): Reservation {
  const object = asKind(service, next);
  // What is not well formed is left to validation, which says all that is wrong.
  if (validateClusterIps(object.spec).length > 0) {
    return { object: next, commit: () => undefined, release: () => undefined };
  }
  const undo: (() => void)[] = [];
  const drop = () => {
    for (const step of undo) step();
  };
  const taken: Taken = {
    address: (allocator, address) => undo.push(() => allocator.drop(address)),
    port: (port) => undo.push(() => numbers.ports.drop(port)),
  };
  try {
    const reserved = withNumbers(numbers, { object, old: old === undefined ? undefined : asKind(service, old) }, taken);
    if (undo.length === 0) return { object: reserved, commit: () => undefined, release: () => undefined };
    return {
      object: reserved,
      commit: (written) => held.dropAt(revisionOf(written), drop),
      release: (outcome) => (outcome === "unwritten" ? drop() : held.dropLater(drop)),
    };
  } catch (error) {
    drop();
    throw error;
  }
}

interface Change {
  readonly object: Service;
  readonly old: Service | undefined;
}

function withNumbers({ addresses, ports }: ServiceNumbers, { object, old }: Change, taken: Taken): Service {
  const name = object.metadata.name ?? "";
  const families = addresses.map(({ family }) => familyName(family));
  const { spec, errors } = planIpFamilies(object.spec, old?.spec, families);
  if (errors.length > 0) throw invalidError(service, name, errors);
  const addressed = reserveAddresses({ name, spec, old: old?.spec }, addresses, taken);
  return { ...object, spec: reservePorts({ name, spec: addressed, old: old?.spec }, ports, taken) };
}
