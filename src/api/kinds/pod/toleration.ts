/** Which taints of nodes a pod bears. Source: Kubernetes API reference, core/v1 Toleration and Taint. */
import { checkLabelValue, checkQualifiedName } from "../../names.ts";
import { field, int64, object, oneOf, string, stringOf, time, type ValueOf } from "../../schema/schema.ts";

const EFFECTS = ["NoExecute", "NoSchedule", "PreferNoSchedule"] as const;

export const toleration = object("io.k8s.api.core.v1.Toleration", "Makes a pod bear matching taints.", {
  key: field(1, string, "Key of the taint; empty with Exists: any."),
  operator: field(2, oneOf("Equal", "Exists"), "Whether the value counts; Equal by default."),
  value: field(3, string, "Value of the taint, for Equal."),
  effect: field(4, oneOf("", ...EFFECTS), "Effect of the taint; empty: any."),
  tolerationSeconds: field(5, int64, "How long a NoExecute taint is borne; absent: for ever.", { pointer: true }),
});
export type Toleration = ValueOf<typeof toleration>;

export const taint = object("io.k8s.api.core.v1.Taint", "Keeps pods that do not bear it away from a node.", {
  key: field(1, stringOf(checkQualifiedName), "Key of the taint.", { required: true }),
  value: field(2, stringOf(checkLabelValue), "Value of the taint."),
  effect: field(3, oneOf(...EFFECTS), "What happens to pods that do not bear it.", { required: true }),
  timeAdded: field(4, time, "When it was added."),
});
export type Taint = ValueOf<typeof taint>;

/** True when the pod bears the taint. */
export function tolerates({ key = "", operator = "Equal", value = "", effect = "" }: Toleration, of: Taint): boolean {
  if (effect !== "" && effect !== of.effect) return false;
  if (key !== "" && key !== of.key) return false;
  return operator === "Exists" || (key !== "" && value === (of.value ?? ""));
}
