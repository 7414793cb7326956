/**
 * A policy from its manifest, as strictly as `kubectl apply` on a server that validates: a field that nobody knows would
 * otherwise be a rule that is not there. Problems have the line of the field.
 */
import { ApiError } from "#api/api-error.ts";
import { apiVersionOf, type Kind, type KindNames, type KubeObject } from "#api/kind.ts";
import { clusterNetworkPolicy } from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import { networkPolicy } from "#api/kinds/network-policy.ts";
import { decodeObject } from "#api/schema/decode.ts";
import { applyDefaults } from "#api/schema/defaults.ts";
import type { Schema } from "#api/schema/schema.ts";
import { validateObject } from "#api/schema/validate.ts";
import { type WorldPolicy, worldClusterNetworkPolicy, worldNetworkPolicy } from "#policy/policy-world.ts";
import { type LocatedMap, mapToJson, placeOf } from "./located-yaml.ts";
import { type Problems, suggestion } from "./read-fields.ts";

export type PolicyDecoder = (
  document: LocatedMap,
  defaultNamespace: string,
  problems: Problems,
) => WorldPolicy | undefined;

/** Undefined for what is no policy, and for versions that are not understood. */
export function policyDecoder(apiVersion: string, kindName: string): PolicyDecoder | undefined {
  const is = (kind: KindNames) => kind.kind === kindName && apiVersionOf(kind) === apiVersion;
  if (is(networkPolicy)) return (...given) => withId(decode(networkPolicy, ...given), worldNetworkPolicy);
  if (is(clusterNetworkPolicy))
    return (...given) => withId(decode(clusterNetworkPolicy, ...given), worldClusterNetworkPolicy);
  return undefined;
}

function withId<O>(object: O | undefined, world: (object: O) => WorldPolicy): WorldPolicy | undefined {
  return object && world(object);
}

/** Undefined after a problem was reported. */
function decode<O extends KubeObject>(
  kind: Kind<O>,
  document: LocatedMap,
  defaultNamespace: string,
  problems: Problems,
): O | undefined {
  const at = (path: string) => ({ source: placeOf(document, path) });
  try {
    const { object, strictErrors } = decodeObject(kind, mapToJson(document));
    for (const error of strictErrors) reportUnknown(kind, error, at, problems);
    const { name, namespace = kind.isNamespaced ? defaultNamespace : undefined } = object.metadata;
    if (name === undefined || name === "") return problems.add(document, "metadata.name", "is missing");
    const metadata = { ...object.metadata, ...(namespace !== undefined && { namespace }) };
    const completed = applyDefaults(kind, { ...object, metadata });
    const errors = validateObject(kind, completed);
    for (const { field, message } of errors) problems.add(at(field), field, message);
    return errors.length === 0 && strictErrors.length === 0 ? completed : undefined;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return problems.add(document, "", error.message);
  }
}

/** `unknown field "spec.ingres"` */
function reportUnknown(
  { schema }: { readonly schema: Schema },
  error: string,
  at: (path: string) => Parameters<Problems["add"]>[0],
  problems: Problems,
): void {
  const path = /"(.*)"/.exec(error)?.[1];
  if (path === undefined) {
    problems.add(at(""), "", error);
    return;
  }
  const steps = path.split(/[.[\]]+/).filter((step) => step !== "");
  const written = steps.pop() ?? "";
  const known = fieldNamesAt(schema, steps);
  const hint =
    error.startsWith("unknown field") && known.length > 0 ? `unknown field; ${suggestion(written, known)}` : error;
  problems.add(at(path), path, hint);
}

function fieldNamesAt(schema: Schema, steps: readonly string[]): readonly string[] {
  let at: Schema | undefined = schema;
  for (const step of steps) {
    if (at?.type === "object") at = at.fields[step]?.schema;
    else if (at?.type === "list" && /^\d+$/.test(step)) at = at.item;
    else return [];
  }
  return at?.type === "object" ? Object.keys(at.fields) : [];
}
