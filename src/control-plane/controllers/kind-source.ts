/** The kinds of this cluster as they come and go: what controllers need of the registry that deal with all of them. */
import type { Kind } from "#api/kind.ts";

export interface KindSource {
  all(): readonly Kind[];
  /** Called after each change. */
  onChange(listener: () => void): Disposable;
}

/** Reviews are never stored, and the newer events are the core ones under another name. */
const ALIASES: ReadonlySet<string> = new Set(["events.k8s.io/events"]);

/** The kinds whose objects can be listed, watched and deleted; of several versions of the same objects one. */
export function deletableKinds(kinds: readonly Kind[]): readonly Kind[] {
  const found = new Map<string, Kind>();
  for (const kind of kinds) {
    const name = `${kind.group}/${kind.plural}`;
    const isDeletable = (["list", "watch", "delete"] as const).every((verb) => kind.verbs.includes(verb));
    if (isDeletable && !ALIASES.has(name) && !found.has(name)) found.set(name, kind);
  }
  return [...found.values()];
}
