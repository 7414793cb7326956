/**
 * Rules of both tables as data, their text for `iptables-restore --noflush`, and what changes one state into another.
 * A chain that is named in the input is emptied and filled in the same transaction; shared chains change by single rules.
 */
import type { Family } from "#base/ip-address.ts";
import type { ServiceProxyNode } from "../contract.ts";
import { MARK_OUTSIDE, ofFamily, portUnreachable, type ServiceRules, SHARED_CHAINS } from "./render-service.ts";

export type Table = "nat" | "filter";
export const TABLES: readonly Table[] = ["nat", "filter"];

/** Rules by chain; of the kernel's own chains, those of ours. */
export type Chains = ReadonlyMap<string, readonly string[]>;
export type RuleSet = Readonly<Record<Table, Chains>>;

const MARK = "0x4000";

/** Rules that every node has, whatever Services there are; they come behind those of Services. */
export function frameRules(node: ServiceProxyNode, family: Family): RuleSet {
  const networks = ofFamily(node.podNetworks, family);
  const portNetworks = ofFamily(node.nodePortAddresses, family);
  const loopback = family === 4 ? "! -d 127.0.0.0/8 " : "! -d ::1/128 ";
  const comment = (text: string) => `-m comment --comment "${text}"`;
  const nodePorts = comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain");
  const portals = `-m conntrack --ctstate NEW ${comment("kubernetes service portals")}`;
  const external = `-m conntrack --ctstate NEW ${comment("kubernetes externally-visible service portals")}`;
  const firewall = `-m conntrack --ctstate NEW ${comment("kubernetes load balancer firewall")}`;
  const destinations = portNetworks.length === 0 ? [loopback] : portNetworks.map((network) => `-d ${network} `);
  return {
    nat: new Map([
      [
        "KUBE-SERVICES",
        destinations.map((where) => `${where}${nodePorts} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`),
      ],
      ["KUBE-NODEPORTS", []],
      ["KUBE-MARK-MASQ", [`-j MARK --set-xmark ${MARK}/${MARK}`]],
      [MARK_OUTSIDE, [...networks.map((network) => `-s ${network} -j RETURN`), "-j KUBE-MARK-MASQ"]],
      [
        "KUBE-POSTROUTING",
        [
          `-m mark ! --mark ${MARK}/${MARK} -j RETURN`,
          `-j MARK --set-xmark ${MARK}/0x0`,
          `${comment("kubernetes service traffic requiring SNAT")} -j MASQUERADE --random-fully`,
        ],
      ],
      ["PREROUTING", [`${comment("kubernetes service portals")} -j KUBE-SERVICES`]],
      ["OUTPUT", [`${comment("kubernetes service portals")} -j KUBE-SERVICES`]],
      ["POSTROUTING", [`${comment("kubernetes postrouting rules")} -j KUBE-POSTROUTING`]],
    ]),
    filter: new Map([
      [
        "KUBE-SERVICES",
        ofFamily(node.serviceNetworks, family).flatMap((network) => {
          const rest = `${comment("no such service")} -m addrtype ! --dst-type LOCAL -j REJECT --reject-with`;
          return [`-d ${network} -p tcp ${rest} tcp-reset`, `-d ${network} ${rest} ${portUnreachable(family)}`];
        }),
      ],
      ["KUBE-EXTERNAL-SERVICES", []],
      ["KUBE-PROXY-FIREWALL", []],
      // Translation would pass it by, and who gets an answer from a backend instead of the Service refuses it.
      ["KUBE-FORWARD", ["-m conntrack --ctstate INVALID -j DROP"]],
      ["INPUT", [`${firewall} -j KUBE-PROXY-FIREWALL`, `${external} -j KUBE-EXTERNAL-SERVICES`]],
      [
        "FORWARD",
        [
          `${firewall} -j KUBE-PROXY-FIREWALL`,
          `${comment("kubernetes forwarding rules")} -j KUBE-FORWARD`,
          `${portals} -j KUBE-SERVICES`,
          `${external} -j KUBE-EXTERNAL-SERVICES`,
        ],
      ],
      [
        "OUTPUT",
        [`${firewall} -j KUBE-PROXY-FIREWALL`, `${portals} -j KUBE-SERVICES`, `${external} -j KUBE-EXTERNAL-SERVICES`],
      ],
    ]),
  };
}

const BUILT_IN: ReadonlySet<string> = new Set(["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]);

/** Frame and Services together. */
export function fullRules(frame: RuleSet, services: Iterable<ServiceRules>): RuleSet {
  const nat = new Map(frame.nat);
  const added = { nat: new Map<string, string[]>(), filter: new Map<string, string[]>() };
  const add = (table: Table, chain: string, rules: readonly string[]) => {
    const list = added[table].get(chain);
    if (list === undefined) added[table].set(chain, [...rules]);
    else list.push(...rules);
  };
  for (const service of services) {
    for (const [chain, rules] of service.chains) nat.set(chain, rules);
    for (const chain of SHARED_CHAINS.nat) add("nat", chain, service.nat[chain]);
    for (const chain of SHARED_CHAINS.filter) add("filter", chain, service.filter[chain]);
  }
  const filter = new Map(frame.filter);
  for (const [chain, rules] of added.nat) nat.set(chain, [...rules, ...(frame.nat.get(chain) ?? [])]);
  for (const [chain, rules] of added.filter) filter.set(chain, [...rules, ...(frame.filter.get(chain) ?? [])]);
  return { nat, filter };
}

/** Chains and rules of `iptables-save`: our chains, and of the kernel's own those rules that lead to ours. */
export function parseSaved(text: string): Chains {
  const chains = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    if (line.startsWith(":")) {
      const chain = line.slice(1, line.indexOf(" "));
      if (isOurs(chain) || BUILT_IN.has(chain)) chains.set(chain, []);
    } else if (line.startsWith("-A ")) {
      const space = line.indexOf(" ", 3);
      const chain = line.slice(3, space);
      const rule = line.slice(space + 1);
      if (isOurs(chain) || (BUILT_IN.has(chain) && / -j KUBE-/.test(` ${rule}`))) chains.get(chain)?.push(rule);
    }
  }
  return chains;
}

function isOurs(chain: string): boolean {
  return chain.startsWith("KUBE-") || chain === MARK_OUTSIDE;
}

/** Lines for one table. */
interface Edit {
  readonly emptied: readonly string[];
  readonly deleted: readonly string[];
  readonly rules: readonly string[];
  readonly removed: readonly string[];
}

/** Input of iptables-restore; "" when nothing differs. */
export function editText(table: Table, { emptied, deleted, rules, removed }: Edit): string {
  if (emptied.length + deleted.length + rules.length === 0) return "";
  return [
    `*${table}`,
    ...emptied.map((chain) => `:${chain} - [0:0]`),
    ...deleted,
    ...rules,
    ...removed.map((chain) => `-X ${chain}`),
    "COMMIT",
    "",
  ].join("\n");
}

/** From what the kernel has to what it should have. The order of rules of Services in shared chains does not count. */
export function planChains(present: Chains, wanted: Chains): Edit {
  const emptied: string[] = [];
  const deleted: string[] = [];
  const rules: string[] = [];
  for (const [chain, list] of wanted) {
    const actual = present.get(chain);
    if (BUILT_IN.has(chain)) {
      if (actual?.join("\n") === list.join("\n")) continue;
      for (const rule of actual ?? []) deleted.push(`-D ${chain} ${rule}`);
      for (const rule of list.toReversed()) rules.push(`-I ${chain} 1 ${rule}`);
    } else if (actual === undefined || !isSameChain(chain, actual, list)) {
      emptied.push(chain);
      for (const rule of list) rules.push(`-A ${chain} ${rule}`);
    }
  }
  const removed = [...present.keys()].filter((chain) => !wanted.has(chain) && !BUILT_IN.has(chain));
  return { emptied: [...emptied, ...removed], deleted, rules, removed };
}

const SHARED: ReadonlySet<string> = new Set([...SHARED_CHAINS.nat, ...SHARED_CHAINS.filter]);

function isSameChain(chain: string, actual: readonly string[], wanted: readonly string[]): boolean {
  if (actual.length !== wanted.length) return false;
  if (!SHARED.has(chain)) return actual.every((rule, index) => rule === wanted[index]);
  const count = wanted.length - 1;
  if (count >= 0 && actual[count] !== wanted[count] && wanted[count]?.includes("-j KUBE-NODEPORTS")) return false;
  return actual.toSorted().join("\n") === wanted.toSorted().join("\n");
}

/** What changes when a Service's rules do. */
export function planServiceEdit(
  table: Table,
  changes: readonly (readonly [before: ServiceRules | undefined, after: ServiceRules | undefined])[],
): Edit {
  const emptied: string[] = [];
  const deleted: string[] = [];
  const rules: string[] = [];
  const removed: string[] = [];
  for (const [before, after] of changes) {
    for (const chain of SHARED_CHAINS[table]) {
      const old: readonly string[] = sharedRules(before, table, chain);
      const current: readonly string[] = sharedRules(after, table, chain);
      for (const rule of old) if (!current.includes(rule)) deleted.push(`-D ${chain} ${rule}`);
      for (const rule of current) if (!old.includes(rule)) rules.push(`-I ${chain} 1 ${rule}`);
    }
    if (table === "filter") continue;
    for (const [chain, list] of after?.chains ?? []) {
      if (before?.chains.get(chain)?.join("\n") === list.join("\n")) continue;
      emptied.push(chain);
      for (const rule of list) rules.push(`-A ${chain} ${rule}`);
    }
    for (const chain of before?.chains.keys() ?? []) {
      if (after?.chains.has(chain)) continue;
      emptied.push(chain);
      removed.push(chain);
    }
  }
  return { emptied, deleted, rules: chainsFirst(rules), removed };
}

function sharedRules(service: ServiceRules | undefined, table: Table, chain: string): readonly string[] {
  const lists: Readonly<Record<string, readonly string[]>> = service?.[table] ?? {};
  return lists[chain] ?? [];
}

/** Rules of a Service's own chains in their order, then those that lead there. */
function chainsFirst(rules: readonly string[]): readonly string[] {
  return [...rules.filter((rule) => rule.startsWith("-A ")), ...rules.filter((rule) => !rule.startsWith("-A "))];
}
