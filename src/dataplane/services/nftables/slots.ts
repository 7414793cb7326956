/**
 * Which backend has which index of the map that a random number is looked up in. Indices are without gaps; a change moves
 * as few backends as can be: the last takes the place of the one that goes, a new one comes to the end.
 */
import type { Backend } from "#service/service-port.ts";

export function isSameBackend(a: Backend, b: Backend): boolean {
  return a.port === b.port && a.address === b.address;
}

/** `wanted` in the order of `present` as far as it goes; `present` itself when nothing differs. */
export function assignSlots(present: readonly (Backend | undefined)[], wanted: readonly Backend[]): readonly Backend[] {
  if (isSameList(present, wanted)) return wanted;
  const missing = new Map(wanted.map((backend) => [text(backend), backend]));
  const slots: (Backend | undefined)[] = new Array<undefined>(missing.size).fill(undefined);
  for (const [index, backend] of present.entries()) {
    if (backend === undefined || index >= slots.length) continue;
    const key = text(backend);
    slots[index] = missing.get(key);
    missing.delete(key);
  }
  const rest = missing.values();
  return slots.flatMap((backend) => {
    const taken = backend ?? rest.next().value;
    return taken === undefined ? [] : [taken];
  });
}

function isSameList(a: readonly (Backend | undefined)[], b: readonly Backend[]): boolean {
  return (
    a.length === b.length &&
    b.every((backend, index) => {
      const other = a[index];
      return other === backend || (other !== undefined && isSameBackend(other, backend));
    })
  );
}

function text({ address, port }: Backend): string {
  return `${address} ${port}`;
}
