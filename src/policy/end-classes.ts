/**
 * Ends that no rule tells apart are asked once: a matrix of hundreds of pods has few kinds of pods in it. Two ends are
 * alike when the same policies select them, the same sets contain them and they have the same named ports.
 */
import { familyOf } from "#base/ip-address.ts";
import type { End } from "./ends.ts";
import { isInSet } from "./match-rule.ts";
import type { RuleModel } from "./rule-model.ts";

export function endClass(models: readonly RuleModel[], { addresses, kind }: End): string {
  const families = addresses.map(familyOf);
  return JSON.stringify([kind, families, ...models.map((model) => addresses.map((one) => classIn(model, one)))]);
}

function classIn({ pods, addressSets, namedPorts }: RuleModel, address: End["addresses"][number]): unknown {
  const pod = [...pods.values()].find(({ addresses }) => addresses.includes(address));
  return [
    pod === undefined ? undefined : [pod.ingress, pod.egress],
    [...addressSets]
      .filter(([, set]) => isInSet(set, address))
      .map(([id]) => id)
      .sort(),
    [...namedPorts]
      .flatMap(([key, targets]) =>
        targets
          .filter((target) => target.address === address)
          .map(({ protocol, port }) => `${key} ${protocol} ${port}`),
      )
      .sort(),
  ];
}

/** Calls `answer` once for each pair of classes. Own node and self are particular to a pair: leave those out. */
export function byClass<T>(
  classOf: ReadonlyMap<string, string>,
  answer: (from: End, to: End) => T,
): (from: End, to: End) => T {
  const known = new Map<string, T>();
  return (from, to) => {
    const key = `${classOf.get(from.name)} > ${classOf.get(to.name)}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = answer(from, to);
    known.set(key, made);
    return made;
  };
}
