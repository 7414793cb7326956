/** The form of rules in CEL (x-kubernetes-validations); the expressions themselves are not read. Texts of the API server. */
import { childPath, type FieldError, indexPath, invalid, notSupported, required } from "../field-error.ts";
import type { JsonSchemaProps, ValidationRule } from "./json-schema-props.ts";

const REASONS = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
const RULES = "x-kubernetes-validations";

export function checkRules({ [RULES]: rules = [] }: JsonSchemaProps, path: string): readonly FieldError[] {
  return rules.flatMap((rule, index) => checkRule(rule, indexPath(childPath(path, RULES), index)));
}

function checkRule(rule: ValidationRule, path: string): readonly FieldError[] {
  const { message = "", messageExpression = "", fieldPath = "", reason } = rule;
  const errors: FieldError[] = [];
  if (rule.rule.trim() === "") {
    errors.push(required(childPath(path, "rule"), "rule is not specified"));
  } else if (message !== "" && message.trim() === "") {
    errors.push(invalid(childPath(path, "message"), message, "must be non-empty if specified"));
  } else if (hasLineBreak(message.trim())) {
    errors.push(invalid(childPath(path, "message"), message, "must not contain line breaks"));
  } else if (hasLineBreak(rule.rule.trim()) && message.trim() === "") {
    errors.push(required(childPath(path, "message"), "message must be specified if rule contains line breaks"));
  }
  if (messageExpression !== "" && messageExpression.trim() === "") {
    const why = "messageExpression must be non-empty if specified";
    errors.push(required(childPath(path, "messageExpression"), why));
  }
  if (reason !== undefined && !REASONS.includes(reason)) {
    errors.push(notSupported(childPath(path, "reason"), reason, REASONS));
  }
  if (fieldPath !== "" && fieldPath.trim() === "") {
    errors.push(invalid(childPath(path, "fieldPath"), fieldPath, "must be non-empty if specified"));
  }
  if (hasLineBreak(fieldPath)) {
    errors.push(invalid(childPath(path, "fieldPath"), fieldPath, "must not contain line breaks"));
  }
  return errors;
}

function hasLineBreak(text: string): boolean {
  return /[\n\r]/.test(text);
}
