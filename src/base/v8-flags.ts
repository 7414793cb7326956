/**
 * Flags of V8 that are changed while a program runs. V8 takes no bytecode from a process that had other flags than it has
 * at its own start; so whoever makes bytecode for the next process does it with the flags as they were.
 */
import { setFlagsFromString } from "node:v8";

interface Changed {
  readonly initial: number;
  readonly current: number;
}

const KEY = Symbol.for("podwire.v8-flags");
/** One for all bundles of the process: each of them has this module for itself. */
const shared = globalThis as { [KEY]?: Map<string, Changed> };
shared[KEY] ??= new Map();
const changed = shared[KEY];

/** `initial`: V8's own default, which cannot be asked for. Nothing happens when the flag has the value. */
export function setV8Flag(
  name: string,
  { value, initial }: { readonly value: number; readonly initial: number },
): void {
  if ((changed.get(name)?.current ?? initial) === value) return;
  changed.set(name, { initial, current: value });
  apply(name, value);
}

/** Does the work while all flags are as at the start. */
export function withInitialV8Flags<T>(work: () => T): T {
  for (const [name, { initial }] of changed) apply(name, initial);
  try {
    return work();
  } finally {
    for (const [name, { current }] of changed) apply(name, current);
  }
}

function apply(name: string, value: number): void {
  setFlagsFromString(`--${name}=${value}`);
}
