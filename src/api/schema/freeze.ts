/**
 * Makes a JSON value unchangeable, so that the store, caches and watchers can share it. A value that is frozen already
 * is taken to be frozen to its leaves: a changed copy of a frozen object costs only what changed.
 */

export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}
