/**
 * The OpenAPI v3 document of a group and version, made from its kinds: what clients validate against, merge by and
 * explain from. Source: Kubernetes documentation, "The Kubernetes API" (OpenAPI V3).
 */
import type { JsonObject } from "#base/json.ts";
import { apiVersionOf, type Kind } from "../kind.ts";
import { objectMeta } from "../meta/object-meta.ts";
import { pathsOf } from "./open-api-paths.ts";
import { addComponent, type Components } from "./open-api-schema.ts";
import { field, list, type ObjectSchema, object, string } from "./schema.ts";

/** `kinds`: those of the group and version. */
export function openApiDocument(
  groupVersion: { readonly group: string; readonly version: string },
  kinds: readonly Kind[],
): JsonObject {
  const components: Components = new Map();
  for (const kind of kinds) {
    const { listKind = `${kind.kind}List` } = kind;
    addKind(components, kind);
    if (kind.verbs.includes("list")) addComponent(components, listOf(kind), kindExtension(kind, listKind));
  }
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: apiVersionOf(groupVersion) },
    paths: Object.fromEntries(kinds.flatMap((kind) => Object.entries(pathsOf(kind)))),
    components: { schemas: Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1))) },
  };
}

function addKind(components: Components, kind: Kind): void {
  const extension = kindExtension(kind, kind.kind);
  if (kind.custom === undefined) addComponent(components, kind.schema, extension);
  else {
    addComponent(components, objectMeta);
    components.set(kind.schema.name, { ...kind.custom.openApi, ...extension });
  }
}

function kindExtension({ group, version }: Kind, kind: string): JsonObject {
  return { "x-kubernetes-group-version-kind": [{ group, version, kind }] };
}

const listMeta = object("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta", "What a list says about itself.", {
  resourceVersion: field(2, string, "Version of the list, to watch from."),
  continue: field(3, string, "Where the next part of the list starts; empty at its end."),
});

function listOf({ schema, kind }: Kind): ObjectSchema {
  return object(`${schema.name}List`, `Objects of kind ${kind}.`, {
    apiVersion: field(0, string, "Group and version of the list."),
    kind: field(0, string, "Name of the list's kind."),
    metadata: field(1, listMeta, "What the list says about itself."),
    items: field(2, list(schema), "The objects.", { required: true }),
  });
}
