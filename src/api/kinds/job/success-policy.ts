/**
 * When an indexed job has succeeded before all of its pods have. Source: Kubernetes API reference, batch/v1
 * SuccessPolicy.
 */
import { childPath, type FieldError, indexPath, invalid, required, tooLong, tooMany } from "../../field-error.ts";
import { field, list, object, string, type ValueOf } from "../../schema/schema.ts";
import { count } from "../workload/count.ts";
import { countIndexes } from "./indexes.ts";

const MAX_RULES = 20;
const MAX_INDEXES_BYTES = 64 * 1024;
const RULES = "spec.successPolicy.rules";

const rule = object("io.k8s.api.batch.v1.SuccessPolicyRule", "Which pods must have succeeded.", {
  succeededIndexes: field(1, string, "Indexes of which pods count: 1,3-5.", { pointer: true }),
  succeededCount: field(2, count, "How many of them must have succeeded; absent: all.", { pointer: true }),
});

export const successPolicy = object("io.k8s.api.batch.v1.SuccessPolicy", "When the job has succeeded.", {
  rules: field(1, list(rule), "Any of these rules is enough.", { required: true, default: [] }),
});
export type SuccessPolicy = ValueOf<typeof successPolicy>;

export function validateSuccessPolicy({ rules }: SuccessPolicy, completions: number): readonly FieldError[] {
  return [
    ...(rules.length === 0
      ? [required(RULES, "at least one rules must be specified when the successPolicy is specified")]
      : []),
    ...(rules.length > MAX_RULES ? [tooMany(RULES, rules.length, MAX_RULES)] : []),
    ...rules.flatMap((value, index) => validateRule(value, completions, indexPath(RULES, index))),
  ];
}

function validateRule(
  { succeededIndexes, succeededCount }: ValueOf<typeof rule>,
  completions: number,
  path: string,
): readonly FieldError[] {
  if (succeededIndexes === undefined && succeededCount === undefined) {
    return [required(path, "at least one of succeededCount or succeededIndexes must be specified")];
  }
  const indexesPath = childPath(path, "succeededIndexes");
  const indexes = succeededIndexes === undefined ? undefined : countIndexes(succeededIndexes, completions);
  const limits = [
    { limit: completions, of: "the number of specified completions" },
    ...(indexes !== undefined && "count" in indexes
      ? [{ limit: indexes.count, of: "the number of indexes in the specified succeededIndexes field" }]
      : []),
  ];
  return [
    ...((succeededIndexes?.length ?? 0) > MAX_INDEXES_BYTES ? [tooLong(indexesPath, MAX_INDEXES_BYTES)] : []),
    ...(indexes !== undefined && "problem" in indexes
      ? [invalid(indexesPath, succeededIndexes, `error parsing succeededIndexes: ${indexes.problem}`)]
      : []),
    ...limits
      .filter(({ limit }) => (succeededCount ?? 0) > limit)
      .map(({ limit, of }) =>
        invalid(childPath(path, "succeededCount"), succeededCount, `must be less than or equal to ${limit} (${of})`),
      ),
  ];
}
