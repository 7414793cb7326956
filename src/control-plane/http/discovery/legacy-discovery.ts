/**
 * Discovery in several answers: versions, groups, and the resources of one group and version. kubectl still reads the
 * last for `drain` and `auth can-i`. Source: Kubernetes API reference, meta/v1 APIGroupList and APIResourceList.
 */
import { apiVersionOf, type Kind } from "#api/kind.ts";
import { type GroupVersions, groupsOf, resourcesOf, sortedVerbs, subresourcesOf } from "./discovered-resources.ts";

export function apiVersions(kinds: readonly Kind[], serverAddress: string) {
  const core = groupsOf(kinds).find(({ group }) => group === "");
  return {
    kind: "APIVersions",
    versions: core?.versions.map(({ version }) => version) ?? [],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

export function apiGroupList(kinds: readonly Kind[]) {
  const groups = groupsOf(kinds).filter(({ group }) => group !== "");
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups.map(apiGroup) };
}

/** undefined when there is no such group. */
export function singleApiGroup(kinds: readonly Kind[], name: string) {
  const found = name === "" ? undefined : groupsOf(kinds).find(({ group }) => group === name);
  return found === undefined ? undefined : { kind: "APIGroup", apiVersion: "v1", ...apiGroup(found) };
}

/** undefined when there is no such group and version. */
export function apiResourceList(kinds: readonly Kind[], group: string, version: string) {
  const members = resourcesOf(kinds).filter((kind) => kind.group === group && kind.version === version);
  if (members.length === 0) return undefined;
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersionOf({ group, version }),
    resources: members.flatMap((kind) => [resource(kind), ...subresources(kind)]),
  };
}

function apiGroup({ group, versions }: GroupVersions) {
  const list = versions.map(({ version }) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: list, preferredVersion: list[0] };
}

function resource({ kind, plural, singular, isNamespaced, verbs, shortNames, categories }: Kind) {
  return {
    name: plural,
    singularName: singular,
    namespaced: isNamespaced,
    kind,
    verbs: sortedVerbs(verbs),
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
  };
}

function subresources(kind: Kind) {
  return subresourcesOf(kind).map((subresource) => {
    const { group, version, kind: name } = subresource.kind;
    const isForeign = group !== kind.group || version !== kind.version;
    return {
      name: `${kind.plural}/${subresource.name}`,
      singularName: "",
      namespaced: kind.isNamespaced,
      ...(isForeign && { group, version }),
      kind: name,
      verbs: sortedVerbs(subresource.verbs),
    };
  });
}
