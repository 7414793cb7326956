/** What makes the table as it should be, from how it is: nothing that is right is touched, and all of it is one transaction. */
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import type { NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import type { Backend, Frontend, ServicePort } from "#service/service-port.ts";
import type { ServiceProxyNode } from "../contract.ts";
import { frontendKey } from "./balance-chains.ts";
import { collectChanges, compareChanges, type ElementChanges } from "./element-changes.ts";
import { frontendBytes, indexedBytes, keyText, readBackend } from "./elements.ts";
import { nodeElements } from "./node-sets.ts";
import { elementText, isSameRule, type ObservedTable, type TableLook } from "./observe-table.ts";
import { planOperations, type TablePlan } from "./programmed-service.ts";
import {
  backendSets,
  type ChainRules,
  chainOperations,
  frameChains,
  frameOperations,
  type Scope,
  SERVICE_TABLE,
} from "./service-table.ts";

/** The frontend's backends as they are in the kernel; empty where it has none. */
export function observedSlots(
  { elements }: ObservedTable,
  port: ServicePort,
  frontend: Frontend,
  scope: Scope,
): readonly Backend[] {
  const bytes = frontendBytes(port, frontend);
  const present = elements.get(backendSets(frontendKey(frontend), scope, port.family).endpoints);
  const slots: Backend[] = [];
  for (;;) {
    const content = present?.get(keyText(indexedBytes(bytes, slots.length)));
    if (content === undefined) return slots;
    slots.push(readBackend(Buffer.from(content, "latin1")));
  }
}

/** Where all elements that should be there are added. */
export function planElements({ observed }: TableLook): ElementChanges {
  if (observed === undefined) return collectChanges();
  const nodeSetNames = new Set(nodeElements(NO_NODE).keys());
  return compareChanges(new Map([...observed.elements].filter(([set]) => !nodeSetNames.has(set))));
}

const NO_NODE: ServiceProxyNode = { podNetworks: [], nodePods: [], nodePortAddresses: [], serviceNetworks: [] };

/** `full` is the plan of the whole table, with elements from `planElements`. */
export function planSync(look: TableLook, node: ServiceProxyNode, full: TablePlan): readonly NftOperation[] {
  const ofNode = nodeElements(node);
  if (look.observed === undefined) {
    return [
      ...(look.isThere ? [{ do: "delete table", table: SERVICE_TABLE } as const] : []),
      ...frameOperations(),
      ...[...ofNode].flatMap(([set, elements]) => replaceElements(set, elements)),
      ...planOperations(full),
    ];
  }
  const { observed } = look;
  const wantedChains = [...frameChains(), ...full.chains.values()];
  const nodeChanges = [...ofNode].flatMap(([set, elements]) =>
    isSameList(observed.elements.get(set), elements)
      ? []
      : [{ do: "flush set", set: { ...SERVICE_TABLE, set } } satisfies NftOperation, ...replaceElements(set, elements)],
  );
  return [
    ...wantedChains.flatMap((chain) => repairChain(observed, chain)),
    ...nodeChanges,
    ...full.elements.operations(),
    ...sweepChains(observed, new Set(wantedChains.map(({ chain }) => chain))),
  ];
}

function replaceElements(set: string, elements: readonly NftSetElement[]): readonly NftOperation[] {
  return elements.length === 0 ? [] : [{ do: "create elements", set: { ...SERVICE_TABLE, set }, elements }];
}

function isSameList(present: ReadonlyMap<string, string> | undefined, wanted: readonly NftSetElement[]): boolean {
  return present?.size === wanted.length && wanted.every((element) => present.has(elementText(element)));
}

function repairChain({ chains, rules }: ObservedTable, wanted: ChainRules): readonly NftOperation[] {
  const present = chains.get(wanted.chain);
  const name = { ...SERVICE_TABLE, chain: wanted.chain };
  if (present === undefined) return chainOperations(wanted);
  const isSameHook =
    present.base?.hook === wanted.base?.hook &&
    present.base?.priority === wanted.base?.priority &&
    (present.base?.policy ?? "accept") === "accept";
  const actual = rules.get(wanted.chain) ?? [];
  const isSame =
    actual.length === wanted.rules.length && wanted.rules.every((rule, index) => isSameRule(actual[index] ?? [], rule));
  if (isSame && isSameHook) return [];
  const [make, ...fill] = chainOperations(wanted);
  if (isSameHook) return [{ do: "flush chain", chain: name }, ...fill];
  // A hook's chain is referred to by nobody.
  return [{ do: "delete chain", chain: name }, ...(make ? [make] : []), ...fill];
}

/** Chains that nothing needs: emptied first, because they may lead to one another. */
function sweepChains({ chains }: ObservedTable, wanted: ReadonlySet<string>): readonly NftOperation[] {
  const unused = [...chains.keys()].filter((chain) => !wanted.has(chain)).map((chain) => ({ ...SERVICE_TABLE, chain }));
  return [
    ...unused.map((chain): NftOperation => ({ do: "flush chain", chain })),
    ...unused.map((chain): NftOperation => ({ do: "delete chain", chain })),
  ];
}
