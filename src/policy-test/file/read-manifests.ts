/**
 * What a test takes from manifests that are ready for `kubectl apply`, as Helm or Kustomize print them: policies,
 * namespaces with their labels, and workloads, each of which becomes one pod with the labels and ports of its template.
 * Kinds that say nothing about connections are skipped and counted.
 */
import { namespace } from "#api/kinds/namespace.ts";
import type { JsonObject, JsonValue } from "#base/json.ts";
import { isJsonObject } from "#base/json.ts";
import { POLICY_PROTOCOLS } from "#policy/rule-model.ts";
import type { Labels, Source, TestNamespace, TestPod, TestPolicy, TestPort } from "../policy-test.ts";
import { policyDecoder } from "./decode-policy.ts";
import { type Located, mapToJson, member, textOf } from "./located-yaml.ts";
import type { Problems } from "./read-fields.ts";
import { namespaceLabels } from "./test-file.ts";

export interface Manifests {
  readonly policies: readonly TestPolicy[];
  readonly namespaces: readonly TestNamespace[];
  readonly pods: readonly (TestPod & { readonly source: Source })[];
  readonly notes: readonly string[];
}

/** Where the template of a workload's pods is; a Pod is its own. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ["spec", "template"],
  StatefulSet: ["spec", "template"],
  DaemonSet: ["spec", "template"],
  ReplicaSet: ["spec", "template"],
  ReplicationController: ["spec", "template"],
  Job: ["spec", "template"],
  CronJob: ["spec", "jobTemplate", "spec", "template"],
};

export function readManifests(documents: readonly Located[], defaultNamespace: string, problems: Problems): Manifests {
  const policies: TestPolicy[] = [];
  const namespaces: TestNamespace[] = [];
  const pods: (TestPod & { source: Source })[] = [];
  const notes: string[] = [];
  const skipped = new Map<string, number>();
  const kinds = new Map<string, string>();
  for (const document of documents) {
    const kind = textOf(document, "kind");
    const apiVersion = textOf(document, "apiVersion");
    if (document.kind !== "map" || kind === undefined || apiVersion === undefined) {
      problems.add(document, "", "is no manifest: it has no apiVersion and kind");
      continue;
    }
    const decode = policyDecoder(apiVersion, kind);
    if (decode !== undefined) {
      const policy = decode(document, defaultNamespace, problems);
      if (policy !== undefined) policies.push({ policy, source: document.source });
    } else if (kind === namespace.kind && apiVersion === "v1") {
      namespaces.push(...readNamespace(mapToJson(document)));
    } else if (TEMPLATES[kind] !== undefined) {
      const pod = readWorkload(mapToJson(document), TEMPLATES[kind], defaultNamespace);
      if (typeof pod === "string") notes.push(`${document.source.file}:${document.source.line}: ${pod}`);
      else {
        // A Deployment and a CronJob may have one name; pods may not.
        const owner = kinds.get(`${pod.namespace}/${pod.name}`) ?? kind;
        if (owner === kind) kinds.set(`${pod.namespace}/${pod.name}`, kind);
        const name = owner === kind ? pod.name : `${pod.name}-${kind.toLowerCase()}`;
        pods.push({ ...pod, name, source: document.source });
      }
    } else if (/NetworkPolicy$/.test(kind)) {
      notes.push(
        `${document.source.file}:${document.source.line}: ${kind} of ${apiVersion} is not understood: not enforced here`,
      );
    } else {
      skipped.set(kind, (skipped.get(kind) ?? 0) + 1);
    }
  }
  const counts = [...skipped].map(([kind, count]) => `${count} ${kind}`);
  if (counts.length > 0) notes.push(`skipped, because they have no part in policies: ${counts.join(", ")}`);
  return { policies, namespaces, pods, notes };
}

export function isPolicyDocument(document: Located): boolean {
  return policyDecoder(textOf(document, "apiVersion") ?? "", textOf(document, "kind") ?? "") !== undefined;
}

/** The items of a `List`; else the document itself. */
export function listItems(document: Located): readonly Located[] {
  const items = textOf(document, "kind")?.endsWith("List") ? member(document, "items") : undefined;
  return items?.kind === "list" ? items.items : [document];
}

function readNamespace(object: JsonObject): readonly TestNamespace[] {
  const name = textAt(object, ["metadata", "name"]);
  return name === undefined ? [] : [{ name, labels: namespaceLabels(name, labelsAt(object, ["metadata", "labels"])) }];
}

/** A text says why it is no pod of the test. */
function readWorkload(object: JsonObject, template: readonly string[], defaultNamespace: string): TestPod | string {
  const name = textAt(object, ["metadata", "name"]) ?? textAt(object, ["metadata", "generateName"]);
  const pod = valueAt(object, template);
  const spec = valueAt(object, [...template, "spec"]);
  if (name === undefined || !isJsonObject(pod) || !isJsonObject(spec))
    return "a workload without name or template: skipped";
  const namespaceName = textAt(object, ["metadata", "namespace"]) ?? defaultNamespace;
  const id = `${namespaceName}/${name.replace(/-$/, "")}`;
  if (spec["hostNetwork"] === true) return `${id} is in the node's own network, where policies do not apply: skipped`;
  const phase = textAt(object, ["status", "phase"]);
  if (phase === "Succeeded" || phase === "Failed") return `${id} has ended: skipped`;
  // Sidecars are init containers that stay.
  const isSidecar = (container: JsonValue): boolean =>
    isJsonObject(container) && container["restartPolicy"] === "Always";
  const containers = [...listAt(spec, "initContainers").filter(isSidecar), ...listAt(spec, "containers")];
  return {
    namespace: namespaceName,
    name: name.replace(/-$/, ""),
    labels: labelsAt(pod, ["metadata", "labels"]),
    ports: containers.flatMap((container) =>
      isJsonObject(container) ? listAt(container, "ports").flatMap(readPort) : [],
    ),
  };
}

function readPort(value: JsonValue): readonly TestPort[] {
  if (!isJsonObject(value) || typeof value["containerPort"] !== "number") return [];
  const protocol = POLICY_PROTOCOLS.find((one) => one === (value["protocol"] ?? "TCP"));
  if (protocol === undefined) return [];
  const { name } = value;
  return [{ name: typeof name === "string" ? name : undefined, port: value["containerPort"], protocol }];
}

function valueAt(object: JsonObject, path: readonly string[]): JsonValue | undefined {
  let at: JsonValue | undefined = object;
  for (const step of path) at = isJsonObject(at) ? at[step] : undefined;
  return at;
}

function textAt(object: JsonObject, path: readonly string[]): string | undefined {
  const value = valueAt(object, path);
  return typeof value === "string" ? value : undefined;
}

function listAt(object: JsonObject, key: string): readonly JsonValue[] {
  const value = object[key];
  return Array.isArray(value) ? value : [];
}

function labelsAt(object: JsonObject, path: readonly string[]): Labels {
  const value = valueAt(object, path);
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, text]) => (typeof text === "string" ? [[key, text]] : [])),
  );
}
