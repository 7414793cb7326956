/** What a job does about pods that fail. Source: Kubernetes API reference, batch/v1 PodFailurePolicy. */
import { childPath, duplicate, type FieldError, indexPath, invalid, tooMany } from "../../field-error.ts";
import { conditionStatus } from "../../meta/condition.ts";
import { checkQualifiedName } from "../../names.ts";
import { field, int32, list, object, oneOf, setOf, string, stringOf, type ValueOf } from "../../schema/schema.ts";

const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_CONDITIONS = 20;
const RULES = "spec.podFailurePolicy.rules";

const onExitCodes = object("io.k8s.api.batch.v1.PodFailurePolicyOnExitCodesRequirement", "Exit codes of containers.", {
  containerName: field(1, string, "Container that is meant; absent: any.", { pointer: true }),
  operator: field(2, oneOf("In", "NotIn"), "Whether the exit code must be one of values, or none.", {
    required: true,
  }),
  values: field(3, setOf(int32, { patchMerge: false }), "Exit codes, in rising order.", {
    required: true,
    default: [],
  }),
});

const onPodCondition = object("io.k8s.api.batch.v1.PodFailurePolicyOnPodConditionsPattern", "A condition of a pod.", {
  type: field(1, stringOf(checkQualifiedName), "Name of the condition.", { required: true }),
  status: field(2, conditionStatus, "Whether it holds.", { required: true, default: "True" }),
});

const rule = object("io.k8s.api.batch.v1.PodFailurePolicyRule", "What happens when a pod fails in some way.", {
  action: field(1, oneOf("Count", "FailIndex", "FailJob", "Ignore"), "What happens.", { required: true }),
  onExitCodes: field(2, onExitCodes, "When a container ends with some exit codes.", { pointer: true }),
  onPodConditions: field(3, list(onPodCondition), "When the pod has one of these conditions."),
});
type Rule = ValueOf<typeof rule>;

export const podFailurePolicy = object("io.k8s.api.batch.v1.PodFailurePolicy", "What a job does about failed pods.", {
  rules: field(1, list(rule), "The first rule that fits counts.", { required: true, default: [] }),
});
export type PodFailurePolicy = ValueOf<typeof podFailurePolicy>;

interface Job {
  readonly containerNames: readonly string[];
  readonly hasBackoffLimitPerIndex: boolean;
}

export function validatePodFailurePolicy({ rules }: PodFailurePolicy, job: Job): readonly FieldError[] {
  return [
    ...(rules.length > MAX_RULES ? [tooMany(RULES, rules.length, MAX_RULES)] : []),
    ...rules.flatMap((value, index) => validateRule(value, job, indexPath(RULES, index))),
  ];
}

function validateRule(value: Rule, job: Job, path: string): readonly FieldError[] {
  const { action, onExitCodes: exitCodes, onPodConditions: conditions = [] } = value;
  const reasons = (exitCodes === undefined ? 0 : 1) + (conditions.length === 0 ? 0 : 1);
  return [
    ...(action === "FailIndex" && !job.hasBackoffLimitPerIndex
      ? [invalid(childPath(path, "action"), action, "requires the backoffLimitPerIndex to be set")]
      : []),
    ...(exitCodes === undefined ? [] : validateExitCodes(exitCodes, job, childPath(path, "onExitCodes"))),
    ...(conditions.length > MAX_CONDITIONS
      ? [tooMany(childPath(path, "onPodConditions"), conditions.length, MAX_CONDITIONS)]
      : []),
    ...(reasons === 2 ? [invalidRule(path, "specifying both OnExitCodes and OnPodConditions is not supported")] : []),
    ...(reasons === 0 ? [invalidRule(path, "specifying one of OnExitCodes and OnPodConditions is required")] : []),
  ];
}

function validateExitCodes(
  { containerName, operator, values }: ValueOf<typeof onExitCodes>,
  { containerNames }: Job,
  path: string,
): readonly FieldError[] {
  const valuesPath = childPath(path, "values");
  return [
    ...(containerName === undefined || containerNames.includes(containerName)
      ? []
      : [
          invalid(
            childPath(path, "containerName"),
            containerName,
            "must be one of the container or initContainer names in the pod template",
          ),
        ]),
    ...(values.length === 0 ? [invalid(valuesPath, values, "at least one value is required")] : []),
    ...(values.length > MAX_EXIT_CODES ? [tooMany(valuesPath, values.length, MAX_EXIT_CODES)] : []),
    ...values.flatMap((value, index) => [
      ...(operator === "In" && value === 0
        ? [invalid(indexPath(valuesPath, index), value, "must not be 0 for the In operator")]
        : []),
      ...(values.indexOf(value) < index ? [duplicate(indexPath(valuesPath, index), value)] : []),
    ]),
    ...(values.some((value, index) => index > 0 && (values[index - 1] ?? value) > value)
      ? [invalid(valuesPath, values, "must be ordered")]
      : []),
  ];
}

/** Without the value, which would be the whole rule. */
function invalidRule(path: string, text: string): FieldError {
  return { field: path, reason: "FieldValueInvalid", message: `Invalid value: ${text}` };
}
