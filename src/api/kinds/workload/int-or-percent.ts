/** Numbers of pods, as such or as a share of them: `maxUnavailable: 25%`. Source: Kubernetes API reference, apps/v1. */
import type { Check, IntOrStringSchema } from "../../schema/schema.ts";

const NOT_A_PERCENT =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

export type IntOrPercent = number | string;

const checkIntOrPercent: Check<IntOrPercent> = (value) => {
  if (typeof value === "number") return value < 0 ? ["must be greater than or equal to 0"] : [];
  return percentOf(value) === undefined ? [NOT_A_PERCENT] : [];
};

/** An int from 0, or a percentage. */
export const intOrPercent: IntOrStringSchema = { type: "intOrString", check: checkIntOrPercent };

/** An int from 0, or a percentage up to 100. */
export const intOrPercentOf100: IntOrStringSchema = {
  type: "intOrString",
  check: (value) => [
    ...checkIntOrPercent(value),
    ...((percentOf(value) ?? 0) > 100 ? ["must not be greater than 100%"] : []),
  ],
};

/** Whether it stands for no pods whatever their number. */
export function isZero(value: IntOrPercent | undefined): boolean {
  return value === undefined || value === 0 || percentOf(value) === 0;
}

function percentOf(value: IntOrPercent): number | undefined {
  return typeof value === "string" && /^[0-9]+%$/.test(value) ? Number.parseInt(value, 10) : undefined;
}
