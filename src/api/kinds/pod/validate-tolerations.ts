/** What holds in tolerations. Source: the API server's validation of core/v1. */
import { childPath, type FieldError, indexPath, invalid } from "../../field-error.ts";
import { checkLabelValue, checkQualifiedName } from "../../names.ts";
import type { Toleration } from "./toleration.ts";

export function validateTolerations(tolerations: readonly Toleration[] = [], path: string): readonly FieldError[] {
  return tolerations.flatMap((toleration, index) => validateToleration(toleration, indexPath(path, index)));
}

function validateToleration(toleration: Toleration, path: string): readonly FieldError[] {
  const { key = "", operator = "Equal", value = "", effect, tolerationSeconds } = toleration;
  const at = (name: string) => childPath(path, name);
  const isAnyKey = key === "";
  const isForTime = tolerationSeconds !== undefined;
  return [
    ...(isAnyKey ? [] : checkQualifiedName(key).map((problem) => invalid(at("key"), key, problem))),
    ...(isAnyKey && operator !== "Exists"
      ? [
          invalid(
            at("operator"),
            operator,
            'operator must be Exists when `key` is empty, which means "match all values and all keys"',
          ),
        ]
      : []),
    ...(isForTime && effect !== "NoExecute"
      ? [invalid(at("effect"), effect ?? "", "effect must be 'NoExecute' when `tolerationSeconds` is set")]
      : []),
    ...(operator === "Exists" && value !== ""
      ? [invalid(at("operator"), toleration, "value must be empty when `operator` is 'Exists'")]
      : []),
    ...(operator === "Equal" ? checkLabelValue(value).map((problem) => invalid(at("operator"), value, problem)) : []),
  ];
}
