/** The policies of recipes from their YAML, held to the rules of the API. Whatever is wrong is the recipe's fault. */
import { parseAllDocuments } from "yaml";
import { apiVersionOf, type Kind } from "#api/kind.ts";
import { clusterNetworkPolicy } from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import { networkPolicy } from "#api/kinds/network-policy.ts";
import { decodeObject } from "#api/schema/decode.ts";
import { applyDefaults } from "#api/schema/defaults.ts";
import { validateObject } from "#api/schema/validate.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { type WorldPolicy, worldClusterNetworkPolicy, worldNetworkPolicy } from "../policy-world.ts";

export function parsePolicies(yaml: string): ReadonlyMap<string, WorldPolicy> {
  const policies = [...parseAllDocuments(yaml)].flatMap((document): readonly WorldPolicy[] => {
    // Through JSON, which is what the API has.
    const value = JSON.parse(JSON.stringify(document.toJS() ?? null)) as JsonValue;
    return value === null ? [] : itemsOf(value).map(parsePolicy);
  });
  return new Map(policies.map((policy) => [policy.id, policy]));
}

/** Of a list, as kubectl prints several. */
function itemsOf(value: JsonValue): readonly JsonValue[] {
  return isJsonObject(value) && value["kind"] === "List" && Array.isArray(value["items"]) ? value["items"] : [value];
}

function parsePolicy(value: JsonValue): WorldPolicy {
  if (!isJsonObject(value)) throw new Error(`No policy: ${JSON.stringify(value)}`);
  const is = ({ kind }: { readonly kind: string }, apiVersion: string): boolean =>
    value["kind"] === kind && value["apiVersion"] === apiVersion;
  if (is(networkPolicy, apiVersionOf(networkPolicy))) return worldNetworkPolicy(decode(networkPolicy, value));
  if (is(clusterNetworkPolicy, apiVersionOf(clusterNetworkPolicy))) {
    return worldClusterNetworkPolicy(decode(clusterNetworkPolicy, value));
  }
  throw new Error(`No policy: ${value["kind"]} of ${value["apiVersion"]}`);
}

function decode<O>(kind: Kind<O>, value: JsonObject): O {
  const metadata = isJsonObject(value["metadata"]) ? value["metadata"] : {};
  const home = kind.isNamespaced ? { namespace: "default" } : {};
  const { object, strictErrors } = decodeObject(kind, { ...value, metadata: { ...home, ...metadata } });
  const complete = applyDefaults(kind, object);
  const problems = [
    ...strictErrors,
    ...validateObject(kind, complete).map(({ field, message }) => `${field}: ${message}`),
  ];
  if (problems.length > 0) throw new Error(`Cannot use the policy ${JSON.stringify(metadata)}: ${problems.join("; ")}`);
  return complete;
}
