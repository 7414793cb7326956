/**
 * How many pods of a set may be evicted at the same time. Source: Kubernetes API reference, policy/v1
 * PodDisruptionBudget.
 */
import { ageColumn, nameColumn } from "../columns.ts";
import { type FieldError, invalid } from "../field-error.ts";
import { defineKind, type ObjectOf } from "../kind.ts";
import { condition } from "../meta/condition.ts";
import { labelSelector } from "../meta/label-selector.ts";
import { field, listBy, mapOf, object, oneOf, time, type ValueOf } from "../schema/schema.ts";
import { validateLabelSelector } from "../selectors/label-selector.ts";
import { ALWAYS_WRITTEN, count, longCount } from "./workload/count.ts";
import { type IntOrPercent, intOrPercentOf100 } from "./workload/int-or-percent.ts";

const spec = object("io.k8s.api.policy.v1.PodDisruptionBudgetSpec", "Which pods, and how many must stay.", {
  minAvailable: field(1, intOrPercentOf100, "Pods that must be healthy after an eviction.", { pointer: true }),
  selector: field(2, labelSelector, "Labels of the pods; an empty selector selects all of the namespace.", {
    pointer: true,
  }),
  maxUnavailable: field(3, intOrPercentOf100, "Pods that may be missing after an eviction.", { pointer: true }),
  unhealthyPodEvictionPolicy: field(
    4,
    oneOf("AlwaysAllow", "IfHealthyBudget"),
    "Whether pods that are not ready may be evicted at any time.",
    { pointer: true },
  ),
});
type PodDisruptionBudgetSpec = ValueOf<typeof spec>;

const status = object("io.k8s.api.policy.v1.PodDisruptionBudgetStatus", "What was observed.", {
  observedGeneration: field(1, longCount, "Generation that this was observed for."),
  disruptedPods: field(2, mapOf(time), "Pods that are evicted and not gone yet, and when that was."),
  disruptionsAllowed: field(3, count, "Number of pods that may be evicted now.", ALWAYS_WRITTEN),
  currentHealthy: field(4, count, "Number of healthy pods.", ALWAYS_WRITTEN),
  desiredHealthy: field(5, count, "Number of pods that must be healthy.", ALWAYS_WRITTEN),
  expectedPods: field(6, count, "Number of pods that the budget counts.", ALWAYS_WRITTEN),
  conditions: field(7, listBy(condition, ["type"], { patchKey: "type" }), "Aspects of its state."),
});

export type PodDisruptionBudget = ObjectOf<typeof podDisruptionBudget>;

export const podDisruptionBudget = defineKind({
  group: "policy",
  version: "v1",
  kind: "PodDisruptionBudget",
  plural: "poddisruptionbudgets",
  shortNames: ["pdb"],
  doc: "How many pods of a set may be evicted at the same time.",
  fields: {
    spec: field(2, spec, "Which pods, and how many must stay.", { required: true, default: {} }),
    status: field(3, status, "What was observed.", { default: {} }),
  },
  columns: [
    nameColumn,
    {
      name: "Min Available",
      type: "string",
      doc: "Pods that must be healthy.",
      priority: 0,
      cell: ({ spec }) => formatAmount(spec.minAvailable),
    },
    {
      name: "Max Unavailable",
      type: "string",
      doc: "Pods that may be missing.",
      priority: 0,
      cell: ({ spec }) => formatAmount(spec.maxUnavailable),
    },
    {
      name: "Allowed Disruptions",
      type: "integer",
      doc: "Number of pods that may be evicted now.",
      priority: 0,
      cell: ({ status }) => status?.disruptionsAllowed ?? 0,
    },
    ageColumn,
  ],
  validate: ({ spec }) => [...validateAmounts(spec), ...validateLabelSelector(spec.selector, "spec.selector")],
});

function formatAmount(amount: IntOrPercent | undefined): string {
  return amount === undefined ? "N/A" : String(amount);
}

function validateAmounts(value: PodDisruptionBudgetSpec): readonly FieldError[] {
  return value.minAvailable !== undefined && value.maxUnavailable !== undefined
    ? [invalid("spec", value, "minAvailable and maxUnavailable cannot be both set")]
    : [];
}
