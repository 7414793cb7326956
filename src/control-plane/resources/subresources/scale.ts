/**
 * The scale subresource: one form for the size of every kind that has a number of replicas.
 * Source: Kubernetes API reference, autoscaling/v1 Scale.
 */
import { invalidError } from "#api/api-error.ts";
import type { KubeObject, ScalePaths } from "#api/kind.ts";
import { type Scale, scale } from "#api/kinds/scale.ts";
import type { LabelSelector } from "#api/meta/label-selector.ts";
import { applyDefaults } from "#api/schema/defaults.ts";
import { validateObject } from "#api/schema/validate.ts";
import { formatLabelSelector } from "#api/selectors/label-selector.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { applyChange } from "../patch-object.ts";
import { nameOf, readCurrent } from "../place.ts";
import { checkUid } from "../plan-update.ts";
import { checkName, inNamespace, readObject } from "../read-body.ts";
import type { PatchBody, RequestContext, Target, WriteOutcome } from "../resource-api.ts";
import type { ResourceDeps } from "../resource-deps.ts";
import { asJson } from "../stored-object.ts";
import { updateObject } from "../update-object.ts";

export async function getScale(
  deps: ResourceDeps,
  target: Target,
  paths: ScalePaths,
  context: RequestContext,
): Promise<Scale> {
  return scaleOf(await readCurrent(deps, target, context), paths);
}

export async function replaceScale(
  deps: ResourceDeps,
  { target, paths, context }: ScaleWrite,
  body: JsonValue,
): Promise<WriteOutcome> {
  const wanted = inNamespace(readObject(scale, body, context), target);
  checkName(wanted, nameOf(target));
  return await writeScale(deps, { target, paths, context }, (current) => {
    checkUid({ kind: target.kind, current, desired: wanted, part: "spec" });
    return wanted;
  });
}

export async function patchScale(
  deps: ResourceDeps,
  { target, paths, context }: ScaleWrite,
  patch: PatchBody,
): Promise<WriteOutcome> {
  // Of the one field that can be written, applying and merging make the same.
  const change = patch.type === "apply" ? ({ type: "merge", patch: patch.patch } as const) : patch;
  return await writeScale(deps, { target, paths, context }, (current) =>
    inNamespace(applyChange(scale, scaleOf(current, paths), change, context), target),
  );
}

export interface ScaleWrite {
  readonly target: Target;
  readonly paths: ScalePaths;
  readonly context: RequestContext;
}

async function writeScale(
  deps: ResourceDeps,
  { target, paths, context }: ScaleWrite,
  wantedOf: (current: KubeObject) => Scale,
): Promise<WriteOutcome> {
  const object = await updateObject(deps, {
    target,
    part: "spec",
    isTracked: false,
    desired(current) {
      const wanted = applyDefaults(scale, wantedOf(current));
      const errors = validateObject(scale, wanted);
      if (errors.length > 0) throw invalidError(scale, nameOf(target), errors);
      return withReplicas(current, paths, wanted);
    },
    context,
  });
  return { object: scaleOf(object, paths), isNew: false };
}

export function scaleOf(object: KubeObject, paths: ScalePaths): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const json = asJson(object);
  const selector = selectorText(valueAt(json, paths.selector));
  return {
    kind: scale.kind,
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: countAt(json, paths.specReplicas) },
    status: { replicas: countAt(json, paths.statusReplicas), ...(selector !== "" && { selector }) },
  };
}

/** The object with the wanted size, in the version that the wish is for. */
function withReplicas(current: KubeObject, paths: ScalePaths, { metadata, spec }: Scale): KubeObject {
  const resized = withValueAt(asJson(current), paths.specReplicas.split("."), spec?.replicas ?? 0);
  const { resourceVersion } = metadata;
  // The same members as before, and one of them another number.
  return { ...(resized as KubeObject & JsonObject), metadata: { ...current.metadata, resourceVersion } };
}

function valueAt(object: JsonObject, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = object;
  for (const name of path.split(".")) value = isJsonObject(value) ? value[name] : undefined;
  return value;
}

function countAt(object: JsonObject, path: string): number {
  const value = valueAt(object, path);
  return typeof value === "number" ? value : 0;
}

function withValueAt(object: JsonObject, [name = "", ...rest]: readonly string[], value: JsonValue): JsonObject {
  if (rest.length === 0) return { ...object, [name]: value };
  const child = object[name];
  return { ...object, [name]: withValueAt(isJsonObject(child) ? child : {}, rest, value) };
}

/** A LabelSelector, or what a custom resource says in words. */
function selectorText(value: JsonValue | undefined): string {
  if (typeof value === "string") return value;
  // Kinds that have a selector object here have declared it as LabelSelector.
  return isJsonObject(value) ? formatLabelSelector(value as JsonObject & LabelSelector) : "";
}
