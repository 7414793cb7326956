/**
 * The kinds that this API server knows: the built-in ones, and those of CustomResourceDefinitions as they come and go.
 */
import { apiVersionOf, type Kind } from "#api/kind.ts";

export interface KindRegistry {
  /** In the order in which they were added. */
  all(): readonly Kind[];
  find(group: string, version: string, plural: string): Kind | undefined;
  /** "apps/v1", "Deployment". */
  findByKind(apiVersion: string, kind: string): Kind | undefined;
  /** Adds a kind or takes the place of the one with the same group, version and plural. */
  add(kind: Kind): void;
  remove(kind: Pick<Kind, "group" | "version" | "plural">): void;
  /** Called after each change: discovery and OpenAPI are made again then. */
  onChange(listener: () => void): Disposable;
}

export function createKindRegistry(kinds: Iterable<Kind>): KindRegistry {
  const byPath = new Map<string, Kind>();
  const byKind = new Map<string, Kind>();
  const listeners = new Set<() => void>();
  let all: readonly Kind[] | undefined;

  function put(kind: Kind): void {
    const old = byPath.get(pathOf(kind));
    if (old !== undefined) byKind.delete(kindKey(apiVersionOf(old), old.kind));
    byPath.set(pathOf(kind), kind);
    byKind.set(kindKey(apiVersionOf(kind), kind.kind), kind);
    all = undefined;
  }
  function changed(): void {
    for (const listener of [...listeners]) listener();
  }

  for (const kind of kinds) put(kind);
  return {
    all() {
      all ??= [...byPath.values()];
      return all;
    },
    find: (group, version, plural) => byPath.get(pathOf({ group, version, plural })),
    findByKind: (apiVersion, kind) => byKind.get(kindKey(apiVersion, kind)),
    add(kind) {
      put(kind);
      changed();
    },
    remove(names) {
      const kind = byPath.get(pathOf(names));
      if (kind === undefined) return;
      byPath.delete(pathOf(kind));
      byKind.delete(kindKey(apiVersionOf(kind), kind.kind));
      all = undefined;
      changed();
    },
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}

function pathOf({ group, version, plural }: Pick<Kind, "group" | "version" | "plural">): string {
  return `${group}/${version}/${plural}`;
}

function kindKey(apiVersion: string, kind: string): string {
  return `${apiVersion} ${kind}`;
}
