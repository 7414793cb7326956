/** Numbers that count things. */
import { type IntegerSchema, int32, int64 } from "../../schema/schema.ts";

export const count: IntegerSchema = { ...int32, min: 0 };

/** Generations and revisions. */
export const longCount: IntegerSchema = { ...int64, min: 0 };

/** Members that Kubernetes always writes, even when they are 0. */
export const ALWAYS_WRITTEN = { required: true, default: 0 } as const;
