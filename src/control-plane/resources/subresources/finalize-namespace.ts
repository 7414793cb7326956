/** namespaces/finalize: takes names out of spec.finalizers; without any, a namespace that is being deleted is gone. */
import { type Namespace, namespace as namespaceKind } from "#api/kinds/namespace.ts";
import type { JsonValue } from "#base/json.ts";
import { nameOf } from "../place.ts";
import { checkUid } from "../plan-update.ts";
import { checkName, inNamespace, readObject } from "../read-body.ts";
import type { RequestContext, Target, WriteOutcome } from "../resource-api.ts";
import type { ResourceDeps } from "../resource-deps.ts";
import { asKind } from "../stored-object.ts";
import { updateObject } from "../update-object.ts";

export async function finalizeNamespace(
  deps: ResourceDeps,
  target: Target,
  body: JsonValue,
  context: RequestContext,
): Promise<WriteOutcome> {
  const wanted = inNamespace(readObject(namespaceKind, body, context), target);
  checkName(wanted, nameOf(target));
  const object = await updateObject(deps, {
    target,
    part: "all",
    isTracked: false,
    desired(current): Namespace {
      checkUid({ kind: target.kind, current, desired: wanted, part: "all" });
      const { status } = asKind(namespaceKind, current);
      return { ...wanted, status };
    },
    context,
  });
  return { object, isNew: false };
}
