/** Whether the owner that a reference names is there. What the caches do not show is asked of the server. */
import { isApiError } from "#api/api-error.ts";
import { apiVersionOf, type Kind, type KubeObject } from "#api/kind.ts";
import type { OwnerReference } from "#api/meta/object-meta.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { KindSource } from "../kind-source.ts";
import type { OwnerGraph } from "./owner-graph.ts";
import { isDeletingDependents, type OwnerState } from "./plan-collection.ts";

export interface OwnerFinder {
  find(reference: OwnerReference, dependent: KubeObject, signal: AbortSignal): Promise<FoundOwner>;
  /** The object with this uid is gone; no other will ever have it. */
  markAbsent(uid: string): void;
}

export interface FoundOwner {
  readonly state: OwnerState;
  /** The server has it and the caches do not, yet. */
  readonly isNew: boolean;
  /** It is in another namespace than what it is said to own. */
  readonly isMisplaced: boolean;
}

export interface OwnerFinderDeps {
  readonly client: Pick<ApiClient, "get">;
  readonly graph: OwnerGraph;
  readonly kinds: KindSource;
}

/** uids that are remembered as gone. */
const MAX_ABSENT = 10_000;

export function createOwnerFinder({ client, graph, kinds }: OwnerFinderDeps): OwnerFinder {
  const absent = new Set<string>();

  function markAbsent(uid: string): void {
    absent.add(uid);
    for (const oldest of absent) {
      if (absent.size <= MAX_ABSENT) break;
      absent.delete(oldest);
    }
  }

  function findKind({ apiVersion, kind: name }: OwnerReference): Kind | undefined {
    return kinds.all().find((kind) => kind.kind === name && apiVersionOf(kind) === apiVersion);
  }

  async function ask(
    kind: Kind,
    reference: OwnerReference,
    { dependent, signal }: { readonly dependent: KubeObject; readonly signal: AbortSignal },
  ): Promise<FoundOwner> {
    const namespace = kind.isNamespaced ? dependent.metadata.namespace : undefined;
    try {
      const owner = await client.get(kind, { namespace, name: reference.name }, signal);
      if (owner.metadata.uid === reference.uid) return { ...found(stateOf(owner)), isNew: true };
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
    }
    return found("absent");
  }

  return {
    markAbsent,
    async find(reference, dependent, signal) {
      const known = graph.get(reference.uid);
      if (known !== undefined) return judgeKnown(known.object, dependent);
      if (absent.has(reference.uid)) return found("absent");
      const kind = findKind(reference);
      const isAskable = kind?.verbs.includes("get") === true;
      // An object of the whole cluster cannot say in which namespace its owner is.
      if (!isAskable || (kind.isNamespaced && dependent.metadata.namespace === undefined)) return found("unknown");
      return await ask(kind, reference, { dependent, signal });
    },
  };
}

function judgeKnown(owner: KubeObject, dependent: KubeObject): FoundOwner {
  const { namespace } = owner.metadata;
  if (namespace === undefined || namespace === dependent.metadata.namespace) return found(stateOf(owner));
  return { ...found(dependent.metadata.namespace === undefined ? "unknown" : "absent"), isMisplaced: true };
}

function stateOf(owner: KubeObject): OwnerState {
  return isDeletingDependents(owner) ? "deletingDependents" : "present";
}

function found(state: OwnerState): FoundOwner {
  return { state, isNew: false, isMisplaced: false };
}
