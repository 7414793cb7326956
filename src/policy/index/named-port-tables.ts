/** Which pods have which ports by name, for the names that rules in use ask for. */

import type { WorldPod } from "../policy-world.ts";
import type { NamedPortTarget, PodId, PolicyProtocol } from "../rule-model.ts";
import { namedPortKey } from "../rule-model.ts";
import { addTo, removeFrom } from "../selector-index.ts";

export interface NamedPortTables {
  /** Only pods that policies apply to. */
  setPod(pod: WorldPod): void;
  deletePod(id: PodId): void;
  acquire(key: string): void;
  release(key: string): void;
  takeChanges(): ReadonlyMap<string, readonly NamedPortTarget[] | undefined>;
  /** As of the last `takeChanges`; changes with the next. */
  readonly taken: ReadonlyMap<string, readonly NamedPortTarget[]>;
}

export function createNamedPortTables(): NamedPortTables {
  const pods = new Map<PodId, WorldPod>();
  /** By key, each pod under its port's protocol and under any. */
  const podsByKey = new Map<string, Set<PodId>>();
  const users = new Map<string, number>();
  const dirty = new Set<string>();
  const taken = new Map<string, readonly NamedPortTarget[]>();

  function touch(pod: WorldPod): void {
    for (const key of keysOf(pod)) if (users.has(key)) dirty.add(key);
  }

  function deletePod(id: PodId): void {
    const pod = pods.get(id);
    if (pod === undefined) return;
    pods.delete(id);
    for (const key of keysOf(pod)) removeFrom(podsByKey, key, id);
    touch(pod);
  }

  function targets(key: string): readonly NamedPortTarget[] {
    const found = new Map<string, NamedPortTarget>();
    for (const id of podsByKey.get(key) ?? []) {
      const { addresses = [], ports = [] } = pods.get(id) ?? {};
      for (const { name, protocol, port } of ports) {
        if (namedPortKey(name, protocol) !== key && namedPortKey(name, undefined) !== key) continue;
        for (const address of addresses) found.set(`${address} ${protocol} ${port}`, { address, protocol, port });
      }
    }
    return [...found.values()];
  }

  return {
    taken,
    setPod(pod) {
      const old = pods.get(pod.id);
      if (old !== undefined && sameTargets(old, pod)) {
        pods.set(pod.id, pod);
        return;
      }
      deletePod(pod.id);
      pods.set(pod.id, pod);
      for (const key of keysOf(pod)) addTo(podsByKey, key, pod.id);
      touch(pod);
    },
    deletePod,
    acquire(key) {
      users.set(key, (users.get(key) ?? 0) + 1);
      dirty.add(key);
    },
    release(key) {
      const left = (users.get(key) ?? 0) - 1;
      if (left > 0) users.set(key, left);
      else users.delete(key);
      dirty.add(key);
    },
    takeChanges() {
      const changes = new Map<string, readonly NamedPortTarget[] | undefined>();
      for (const key of dirty) {
        const old = taken.get(key);
        const next = users.has(key) ? targets(key) : undefined;
        if (next === undefined) {
          if (taken.delete(key)) changes.set(key, undefined);
        } else if (old === undefined || !sameList(old, next)) {
          taken.set(key, next);
          changes.set(key, next);
        }
      }
      dirty.clear();
      return changes;
    },
  };
}

function keysOf({ ports }: WorldPod): ReadonlySet<string> {
  const protocols: (protocol: PolicyProtocol) => readonly (PolicyProtocol | undefined)[] = (protocol) => [
    protocol,
    undefined,
  ];
  return new Set(ports.flatMap(({ name, protocol }) => protocols(protocol).map((one) => namedPortKey(name, one))));
}

function sameTargets(one: WorldPod, other: WorldPod): boolean {
  return JSON.stringify([one.addresses, one.ports]) === JSON.stringify([other.addresses, other.ports]);
}

function sameList(one: readonly NamedPortTarget[], other: readonly NamedPortTarget[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ address, protocol, port }, index) => {
      const twin = other[index];
      return address === twin?.address && protocol === twin.protocol && port === twin.port;
    })
  );
}
