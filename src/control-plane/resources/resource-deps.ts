/** What the resource API needs from others. */
import type { Kind, KubeObject } from "#api/kind.ts";
import type { Admission } from "../admission/admission.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import type { Revision } from "../store/store.ts";
import type { KindRegistry } from "./kind-registry.ts";
import type { RequestContext } from "./resource-api.ts";
import type { TokenIssuer } from "./token-issuer.ts";

export interface ResourceDeps {
  readonly kinds: KindRegistry;
  readonly caches: (kind: Kind) => WatchCache;
  readonly admission: Admission;
  readonly reservations: Reservations;
  readonly tokenIssuer: TokenIssuer;
  readonly reviews: ReviewAnswerer;
  readonly clock: () => Date;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** Takes what must be unique in the cluster, such as a Service's addresses, before an object is written. */
export interface Reservations {
  /** Asked once for each write; false costs nothing. */
  handles(kind: Kind): boolean;
  /**
   * To be held from before `reserve` until the write is known. Where other servers write as well, one request has it
   * at a time, and what they have written by then is known.
   */
  turn(signal: AbortSignal): Promise<Disposable | undefined>;
  /**
   * Gives the object with what it got. Without waiting, so that of two requests at a time each gets its own.
   * Throws ApiError, and then nothing is taken.
   */
  reserve(next: KubeObject, old: KubeObject | undefined): Reservation;
}

export interface Reservation {
  readonly object: KubeObject;
  /**
   * The write may count only while no object of the kind was written after this revision: what is free was decided by
   * what there was then. undefined: nobody else can write, or nothing was taken.
   */
  readonly unchangedSince: Revision | undefined;
  /** `written`: as it is stored now. */
  commit(written: KubeObject): void;
  /** "unwritten": it is certainly not stored; "unknown": the store did not say. */
  release(outcome: "unwritten" | "unknown"): void;
}

/** Answers reviews (SelfSubjectAccessReview, TokenReview, …): kinds that are created and never stored. */
export interface ReviewAnswerer {
  /** The review with its status; undefined for a kind that it does not know. */
  answer(review: KubeObject, context: RequestContext): Promise<KubeObject | undefined>;
}

/** For tests, and for control planes without Services. */
export const noReservations: Reservations = {
  handles: () => false,
  turn: async () => undefined,
  reserve: (object) => ({
    object,
    unchangedSince: undefined,
    commit: () => undefined,
    release: () => undefined,
  }),
};
