/**
 * A pod's priority is a number that its class stands for. There are the two classes that Kubernetes brings itself, and
 * zero for pods without one. Source: Kubernetes documentation, "Pod Priority and Preemption".
 */
import { forbiddenError } from "#api/api-error.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { asKind } from "../resources/stored-object.ts";
import type { AdmissionRule } from "./admission.ts";

const CLASSES: ReadonlyMap<string, number> = new Map([
  ["", 0],
  ["system-cluster-critical", 2_000_000_000],
  ["system-node-critical", 2_000_001_000],
]);
const PREEMPTION_POLICY = "PreemptLowerPriority";

export const podPriority: AdmissionRule = {
  handles: ({ operation, kind, subresource }) =>
    operation !== "delete" && kind.group === "" && kind.plural === podKind.plural && subresource === "",
  admit: ({ object, old }) => {
    const pod = asKind(podKind, object);
    return old === undefined ? withPriority(pod) : withPriorityOf(pod, asKind(podKind, old));
  },
};

/** Who writes back a manifest of before does not mean to change it. */
export function withPriorityOf(pod: Pod, { spec: old }: Pod): Pod {
  const { priority = old.priority, preemptionPolicy = old.preemptionPolicy } = pod.spec;
  if (priority === pod.spec.priority && preemptionPolicy === pod.spec.preemptionPolicy) return pod;
  return { ...pod, spec: { ...pod.spec, priority, preemptionPolicy } };
}

export function withPriority(pod: Pod): Pod {
  const { priorityClassName = "", priority: given, preemptionPolicy } = pod.spec;
  const refuse = (why: string) => forbiddenError(podKind, pod.metadata.name ?? "", why);
  const priority = CLASSES.get(priorityClassName);
  if (priority === undefined) throw refuse(`no PriorityClass with name ${priorityClassName} was found`);
  const computed = (value: string | number) =>
    `priority admission controller computed ${value} from the given PriorityClass name`;
  if (given !== undefined && given !== priority) {
    throw refuse(`the integer value of priority (${given}) must not be provided in pod spec; ${computed(priority)}`);
  }
  if (preemptionPolicy !== undefined && preemptionPolicy !== PREEMPTION_POLICY) {
    const what = `the string value of PreemptionPolicy (${preemptionPolicy})`;
    throw refuse(`${what} must not be provided in pod spec; ${computed(PREEMPTION_POLICY)}`);
  }
  return { ...pod, spec: { ...pod.spec, priority, preemptionPolicy: PREEMPTION_POLICY } };
}
