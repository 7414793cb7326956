/** All groups, versions and resources in one answer. Source: Kubernetes API reference, apidiscovery.k8s.io v2. */
import type { Kind } from "#api/kind.ts";
import { type GroupVersions, groupsOf, sortedVerbs, subresourcesOf } from "./discovered-resources.ts";

export type DiscoveryVersion = "v2" | "v2beta1";

/** For /api only the core group, for /apis all others. */
export function aggregatedDiscovery(kinds: readonly Kind[], root: "api" | "apis", version: DiscoveryVersion) {
  const items = groupsOf(kinds).filter(({ group }) => (group === "") === (root === "api"));
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: items.map(groupDiscovery),
  };
}

/** The answer's content type says which form it has; clients compare it. */
export function discoveryContentType(version: DiscoveryVersion): string {
  return `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
}

function groupDiscovery({ group, versions }: GroupVersions) {
  return {
    metadata: { ...(group !== "" && { name: group }), creationTimestamp: null },
    versions: versions.map(({ version, kinds }) => ({
      version,
      freshness: "Current",
      resources: kinds.map(resourceDiscovery),
    })),
  };
}

function resourceDiscovery(kind: Kind) {
  const { group, version, kind: name, plural, singular, shortNames, categories, isNamespaced, verbs } = kind;
  const subresources = subresourcesOf(kind);
  return {
    resource: plural,
    responseKind: { group, version, kind: name },
    scope: isNamespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs: sortedVerbs(verbs),
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
    ...(subresources.length > 0 && {
      subresources: subresources.map((subresource) => ({
        subresource: subresource.name,
        responseKind: subresource.kind,
        verbs: sortedVerbs(subresource.verbs),
      })),
    }),
  };
}
