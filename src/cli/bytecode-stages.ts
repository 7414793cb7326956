/**
 * When an installed program keeps the bytecode of what it has compiled, for the next starts: early, since those may come
 * soon and this one may end soon, and once more when even a first start, which compiles all of it, is over.
 */
export const BYTECODE_STAGES = [
  { name: "early", afterMs: 1_500 },
  { name: "whole", afterMs: 4_000 },
] as const;

export type BytecodeStage = (typeof BYTECODE_STAGES)[number]["name"];
