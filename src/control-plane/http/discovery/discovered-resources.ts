/** What discovery tells of each kind, in one form for both of its formats. */
import type { Kind, Subresource, Verb } from "#api/kind.ts";
import { subresourceVerbs } from "../resolve-target.ts";

export interface GroupVersions {
  readonly group: string;
  /** Preferred first. */
  readonly versions: readonly { readonly version: string; readonly kinds: readonly Kind[] }[];
}

/** The core group first, then in the order in which their kinds came; versions from stable to alpha, new to old. */
export function groupsOf(kinds: readonly Kind[]): readonly GroupVersions[] {
  const byGroup = Map.groupBy(resourcesOf(kinds), ({ group }) => group);
  const groups = [...byGroup].map(([group, members]) => {
    const byVersion = Map.groupBy(members, ({ version }) => version);
    const versions = [...byVersion].map(([version, list]) => ({ version, kinds: list }));
    return { group, versions: versions.sort((a, b) => compareVersions(a.version, b.version)) };
  });
  return groups.sort((a, b) => Number(a.group !== "") - Number(b.group !== ""));
}

/** Without the kinds that are only bodies of subresources, such as Scale. */
export function resourcesOf(kinds: readonly Kind[]): readonly Kind[] {
  return kinds.filter(({ verbs }) => verbs.length > 0);
}

/** "v2" before "v1" before "v1beta1" before "v1alpha1". Source: Kubernetes documentation, "Version priority". */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [versionRank(a), versionRank(b)];
  const index = left.findIndex((value, at) => value !== right[at]);
  return index === -1 ? a.localeCompare(b) : (right[index] ?? 0) - (left[index] ?? 0);
}

function versionRank(version: string): readonly number[] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return [-1, 0, 0];
  const stability = match[2] === undefined ? 2 : match[2] === "beta" ? 1 : 0;
  return [stability, Number(match[1]), Number(match[3] ?? 0)];
}

/** The kind's subresources: those it declares, and those that follow from its status and its scale. */
export function subresourcesOf(kind: Kind): readonly Subresource[] {
  const implied = [
    { name: "scale", kind: { group: "autoscaling", version: "v1", kind: "Scale" } },
    { name: "status", kind: { group: kind.group, version: kind.version, kind: kind.kind } },
  ].flatMap((subresource) => {
    const isDeclared = kind.subresources.some(({ name }) => name === subresource.name);
    const verbs = isDeclared ? undefined : subresourceVerbs(kind, subresource.name);
    return verbs === undefined ? [] : [{ ...subresource, verbs }];
  });
  return [...kind.subresources, ...implied].sort((a, b) => a.name.localeCompare(b.name));
}

/** In the alphabet's order, as API servers tell them. */
export function sortedVerbs(verbs: readonly Verb[]): readonly Verb[] {
  return [...verbs].sort();
}
