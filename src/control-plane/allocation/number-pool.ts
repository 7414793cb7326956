/**
 * Gives numbers of a range to owners, each to one. What is stored says who owns what; what a request in flight has
 * taken is held until its write is known. The lower part of the range is given last, so that it is mostly free for
 * those who ask for a certain number.
 * Source: Kubernetes documentation, "Service ClusterIP allocation" (static and dynamic bands).
 */

export interface NumberRange {
  readonly first: number;
  readonly last: number;
  /** From here on numbers are given first. */
  readonly dynamicFrom: number;
}

export interface NumberPool {
  /** Takes this number for a request in flight. */
  hold(number: number): "held" | "taken" | "outside";
  /** Takes any free number; undefined when all are taken. */
  holdNext(): number | undefined;
  /** Ends `hold` and `holdNext`. */
  drop(number: number): void;
  /** What the owner has, as it is stored; none when it is gone. Numbers outside of the range do not count. */
  setOwned(owner: string, numbers: readonly number[]): void;
  /** All that have something, for a comparison with what is stored. */
  owners(): readonly string[];
  /** Numbers with more than one owner. */
  shared(): readonly { readonly number: number; readonly owners: readonly string[] }[];
}

/** `random` gives numbers from 0 to below 1. */
export function createNumberPool({ first, last, dynamicFrom }: NumberRange, random: () => number): NumberPool {
  const ownersOf = new Map<number, Set<string>>();
  const numbersOf = new Map<string, ReadonlySet<number>>();
  const held = new Set<number>();

  const isInside = (number: number): boolean => Number.isInteger(number) && number >= first && number <= last;
  const isFree = (number: number): boolean => !held.has(number) && !ownersOf.has(number);

  /** From a random place on, to the end of the range, then from its start. */
  function findFree(from: number, to: number): number | undefined {
    const size = to - from + 1;
    if (size <= 0) return undefined;
    const start = Math.floor(random() * size);
    for (let step = 0; step < size; step += 1) {
      const number = from + ((start + step) % size);
      if (isFree(number)) return number;
    }
    return undefined;
  }
  function disown(number: number, owner: string): void {
    const owners = ownersOf.get(number);
    owners?.delete(owner);
    if (owners?.size === 0) ownersOf.delete(number);
  }

  return {
    hold(number) {
      if (!isInside(number)) return "outside";
      if (!isFree(number)) return "taken";
      held.add(number);
      return "held";
    },
    holdNext() {
      const number = findFree(dynamicFrom, last) ?? findFree(first, dynamicFrom - 1);
      if (number !== undefined) held.add(number);
      return number;
    },
    drop: (number) => void held.delete(number),
    setOwned(owner, numbers) {
      const next = new Set(numbers.filter(isInside));
      for (const number of numbersOf.get(owner) ?? []) if (!next.has(number)) disown(number, owner);
      for (const number of next) {
        const owners = ownersOf.get(number);
        if (owners === undefined) ownersOf.set(number, new Set([owner]));
        else owners.add(owner);
      }
      if (next.size === 0) numbersOf.delete(owner);
      else numbersOf.set(owner, next);
    },
    owners: () => [...numbersOf.keys()],
    shared: () =>
      [...ownersOf].flatMap(([number, owners]) => (owners.size < 2 ? [] : [{ number, owners: [...owners] }])),
  };
}
