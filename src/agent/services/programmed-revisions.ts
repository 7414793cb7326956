/**
 * Up to which resource version this node has the Services and EndpointSlices in the kernel. Events of a kind come in the
 * order of their versions, so two numbers say it all, however many Services there are. Pure but for its memory.
 */
import type { ServiceRevisions } from "#api/programmed/service-answer.ts";

export const FOLLOWED_KINDS = ["services", "endpointSlices"] as const;
export type FollowedKind = (typeof FOLLOWED_KINDS)[number] & keyof ServiceRevisions;

/** Numbers as Kubernetes has them since 1.35, and in fact always. */
export type Revisions = ServiceRevisions;

export interface ProgrammedRevisions {
  /** An object of that Service has come with this version. */
  seen(kind: FollowedKind, key: string, resourceVersion: string | undefined): void;
  /**
   * What these Services are now is being written. To be called when it is in the kernel; when that fails, it counts as
   * missing until everything was written.
   */
  writing(keys: Iterable<string>): () => void;
  /** The same for everything, also what failed before. */
  writingAll(): () => void;
  current(): Revisions;
}

/** The first version of each kind that is not in the kernel. */
type First = Partial<Record<FollowedKind, number>>;

export function createProgrammedRevisions(): ProgrammedRevisions {
  const last: Record<FollowedKind, number> = { services: 0, endpointSlices: 0 };
  /** Of each Service that has changed and is not being written. */
  const missing = new Map<string, First>();
  /** Of what is being written, or has failed. */
  const underWay = new Set<First>();

  function take(keys: Iterable<string>): readonly First[] {
    return [...keys].flatMap((key) => {
      const first = missing.get(key);
      if (first === undefined) return [];
      missing.delete(key);
      underWay.add(first);
      return [first];
    });
  }

  function done(firsts: readonly First[]): void {
    for (const first of firsts) underWay.delete(first);
  }

  return {
    seen(kind, key, resourceVersion) {
      const revision = Number(resourceVersion ?? "");
      if (!Number.isSafeInteger(revision)) return;
      last[kind] = Math.max(last[kind], revision);
      const first = missing.get(key) ?? {};
      missing.set(key, { ...first, [kind]: Math.min(first[kind] ?? revision, revision) });
    },
    writing(keys) {
      const firsts = take(keys);
      return () => done(firsts);
    },
    writingAll() {
      const failed = [...underWay];
      const firsts = take([...missing.keys()]);
      return () => done([...failed, ...firsts]);
    },
    current() {
      const current = { ...last };
      for (const first of [...missing.values(), ...underWay]) {
        for (const kind of FOLLOWED_KINDS) {
          current[kind] = Math.min(current[kind], (first[kind] ?? Number.POSITIVE_INFINITY) - 1);
        }
      }
      return current;
    },
  };
}
