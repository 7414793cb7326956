/** pods/ephemeralcontainers: containers are added to a pod that runs. `kubectl debug` uses it. */
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { JsonValue } from "#base/json.ts";
import { applyChange } from "../patch-object.ts";
import { nameOf } from "../place.ts";
import { checkUid } from "../plan-update.ts";
import { checkName, inNamespace, readObject } from "../read-body.ts";
import type { PatchBody, RequestContext, Target, WriteOutcome } from "../resource-api.ts";
import type { ResourceDeps } from "../resource-deps.ts";
import { asKind } from "../stored-object.ts";
import { updateObject } from "../update-object.ts";

export async function replaceEphemeralContainers(
  deps: ResourceDeps,
  target: Target,
  body: JsonValue,
  context: RequestContext,
): Promise<WriteOutcome> {
  const wanted = inNamespace(readObject(podKind, body, context), target);
  checkName(wanted, nameOf(target));
  return await write(deps, { target, context }, (current) => {
    checkUid({ kind: target.kind, current, desired: wanted, part: "all" });
    return wanted;
  });
}

export async function patchEphemeralContainers(
  deps: ResourceDeps,
  target: Target,
  patch: PatchBody,
  context: RequestContext,
): Promise<WriteOutcome> {
  // What is applied here can only be added, which merging does, too.
  const change = patch.type === "apply" ? ({ type: "strategic", patch: patch.patch } as const) : patch;
  return await write(deps, { target, context }, (current) =>
    inNamespace(applyChange(podKind, current, change, context), target),
  );
}

async function write(
  deps: ResourceDeps,
  { target, context }: { readonly target: Target; readonly context: RequestContext },
  wantedOf: (current: Pod) => Pod,
): Promise<WriteOutcome> {
  const object = await updateObject(deps, {
    target,
    part: "all",
    isTracked: false,
    desired(current): Pod {
      const pod = asKind(podKind, current);
      const { metadata, spec } = wantedOf(pod);
      const { resourceVersion } = metadata;
      const { ephemeralContainers } = spec;
      return { ...pod, metadata: { ...pod.metadata, resourceVersion }, spec: { ...pod.spec, ephemeralContainers } };
    },
    context,
  });
  return { object, isNew: false };
}
