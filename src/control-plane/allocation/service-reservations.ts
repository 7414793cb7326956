/**
 * Gives Services their addresses and node ports. What is stored is learnt from the Services' watch, at start and as it
 * changes; what requests in flight take is held in between, so that two of them never get the same. Where other servers
 * write to the store as well, a write that takes something counts only if no Service was written that this one did not
 * know when it chose: the Services themselves are the record of who has what, so nothing can leak or contradict them.
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
import { createLock } from "./lock.ts";
import { familyName, planIpFamilies } from "./plan-ip-families.ts";
import { reserveAddresses, reservePorts, type Taken } from "./reserve-service.ts";
import { createServiceNumbers, type ServiceNumbers, type ServiceRanges, type SharedNumber } from "./service-numbers.ts";

export interface ServiceReservationDeps {
  readonly services: WatchCache;
  /** Nobody else writes Services. */
  readonly isSoleWriter: boolean;
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
  { services, isSoleWriter, random, ranges, onShared, onLost }: ServiceReservationDeps,
  signal: AbortSignal,
): Promise<Reservations> {
  const numbers = createServiceNumbers(ranges, random);
  const held = createHeld();
  const lock = createLock();
  let isKnown = false;
  /** Everything up to it has been told. */
  let known: Revision = 0;
  const follower = {
    onObject: (object: KubeObject) => numbers.set(asKind(service, object)),
    onGone: (object: KubeObject) => numbers.remove(asKind(service, object)),
    onInitialEnd(objects: readonly KubeObject[]) {
      numbers.keepOnly(objects.map((object) => asKind(service, object)));
      isKnown = true;
      const shared = numbers.shared();
      if (shared.length > 0) onShared(shared);
    },
    onRevision(revision: Revision) {
      known = revision;
      held.see(revision);
    },
    onLost(error: unknown) {
      isKnown = false;
      onLost(error);
    },
  };
  await followCache(services, follower, signal);
  return {
    handles: isService,
    async turn(turnSignal) {
      if (isSoleWriter) return undefined;
      const turn = await lock.acquire(turnSignal);
      try {
        await catchUp(services, turnSignal);
        return turn;
      } catch (error) {
        turn[Symbol.dispose]();
        throw error;
      }
    },
    reserve(next, old) {
      if (!isKnown) throw notKnownError();
      const since = isSoleWriter ? undefined : known;
      return reserve({ numbers, held, since }, { next, old });
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

/** Whoever reads the newest state of any Service has been told of all Services before. */
async function catchUp(services: WatchCache, signal: AbortSignal): Promise<void> {
  await services.get("default", "kubernetes", "latest", signal);
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

interface Picture {
  readonly numbers: ServiceNumbers;
  readonly held: Held;
  /** Up to which the picture is complete; undefined: it always is. */
  readonly since: Revision | undefined;
}

function reserve({ numbers, held, since }: Picture, { next, old }: ServiceChange): Reservation {
  const object = asKind(service, next);
  // What is not well formed is left to validation, which says all that is wrong.
  if (validateClusterIps(object.spec).length > 0) {
    return takesNothing(next);
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
    if (undo.length === 0) return takesNothing(reserved);
    return {
      object: reserved,
      unchangedSince: since,
      commit: (written) => held.dropAt(revisionOf(written), drop),
      release: (outcome) => (outcome === "unwritten" ? drop() : held.dropLater(drop)),
    };
  } catch (error) {
    drop();
    throw error;
  }
}

function takesNothing(object: KubeObject): Reservation {
  return { object, unchangedSince: undefined, commit: () => undefined, release: () => undefined };
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
