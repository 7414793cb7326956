/**
 * The policy enforcer of nf_tables: `inet podwire-policy` judges connections, `bridge podwire-policy` what comes from a
 * pod's port. The rule model becomes fragments of these tables, one for each of its entries; a change of the model
 * recompiles the entries that it names and what depends on them, and is one transaction.
 */
import { contains, type IpAddress } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { createConntrackSocket } from "#kernel/nfnetlink/conntrack.ts";
import type { Expression } from "#kernel/nfnetlink/expression.ts";
import { listRules } from "#kernel/nfnetlink/nft-query.ts";
import type { TableName } from "#kernel/nfnetlink/table.ts";
import { createNftSocket, type NftSocket } from "#kernel/nfnetlink/transaction.ts";
import type { PodAttachment, PolicyApplied, PolicyEnforcer, PolicyNode, RuleCounter } from "../contract.ts";
import { cutConnections } from "./cut-connections.ts";
import { frameFragment, POLICY_TABLE } from "./frame.ts";
import { createModelCompiler, type ModelCompiler } from "./model-compiler.ts";
import { linkFragment, PORT_TABLE, portFragment, portFrame } from "./port-guard.ts";
import { createProgrammedTable, type ProgrammedTable } from "./programmed-table.ts";
import type { Fragment, RuleDecision } from "./table-content.ts";

export interface NftablesEnforcerOptions {
  readonly netns: Netns;
  /** Whether others are kept from changing the tables while this process lives, where the kernel can. Default: yes. */
  readonly owned?: boolean | undefined;
}

interface Programmed {
  readonly node: PolicyNode;
  readonly compiler: ModelCompiler;
}

export function createNftablesEnforcer({ netns, owned }: NftablesEnforcerOptions): NftablesEnforcer {
  using stack = new DisposableStack();
  const nft = stack.use(createNftSocket(netns));
  const deps = {
    netns,
    conntrack: stack.use(createConntrackSocket(netns)),
    rtnetlink: stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns })),
  };
  const policies = createProgrammedTable(nft, POLICY_TABLE, { owned });
  const ports = createProgrammedTable(nft, PORT_TABLE, { owned });
  const attachments = new Map<string, PodAttachment>();
  let programmed: Programmed | undefined;
  /** Whose connections may be forbidden by now. */
  const judgeAgain = new Set<IpAddress>();
  const open = stack.move();

  function requireProgrammed(): Programmed {
    if (programmed === undefined) throw new Error("Cannot change policies in the kernel: nothing was synced before");
    return programmed;
  }

  function cut({ node, compiler }: Programmed, addresses: ReadonlySet<IpAddress> | "all"): readonly string[] {
    const flows = cutConnections(deps, {
      model: compiler.model,
      addresses,
      keepsDenied: node.established === "keep",
      isGone: (address) => !compiler.isPodAddress(address) && node.nodePods.some((prefix) => contains(prefix, address)),
    });
    return flows.map(({ source, destination, port }) => `delete connection ${source} → ${destination}:${port ?? "-"}`);
  }

  function endForbidden(): readonly string[] {
    const addresses = new Set(judgeAgain);
    judgeAgain.clear();
    return cut(requireProgrammed(), addresses);
  }

  return {
    name: "nftables",
    portId: nft.netlink.portId,
    sync(node, model, attached): PolicyApplied {
      const compiler = createModelCompiler(model);
      programmed = { node, compiler };
      attachments.clear();
      for (const one of attached) attachments.set(one.link, one);
      const changes = [
        ...ports.sync(withLinks(portFrame(node), attachments, portFragment)),
        ...policies.sync(
          new Map([...compiler.fragments(), ...withLinks(frameFragment(node), attachments, linkFragment)]),
        ),
      ];
      judgeAgain.clear();
      return { changes: [...changes, ...cut(programmed, "all")] };
    },
    update(changes, connections = "now"): PolicyApplied {
      const { judgeAgain: addresses, ...compiled } = requireProgrammed().compiler.change(changes);
      for (const address of addresses) judgeAgain.add(address);
      const written = policies.update(compiled);
      return { changes: connections === "later" ? written : [...written, ...endForbidden()] };
    },
    endForbidden: () => ({ changes: endForbidden() }),
    hasForbidden: () => judgeAgain.size > 0,
    attach(attachment) {
      requireProgrammed();
      attachments.set(attachment.link, attachment);
      ports.update(one(linkName(attachment.link), portFragment(attachment)));
      policies.update(one(linkName(attachment.link), linkFragment(attachment)));
    },
    detach(link) {
      requireProgrammed();
      attachments.delete(link);
      ports.update(one(linkName(link), undefined));
      policies.update(one(linkName(link), undefined));
    },
    drift: () => (programmed === undefined ? [] : [...policies.drift(), ...ports.drift()]),
    counters: () => [...countersOf(nft, POLICY_TABLE, policies), ...countersOf(nft, PORT_TABLE, ports)],
    explainDrop: (prefix) => {
      const found = [...decisions(policies), ...decisions(ports)].find((decision) => decision.prefix === prefix);
      return found && { pod: found.pod, direction: found.direction, reason: found.reason };
    },
    remove() {
      programmed = undefined;
      return [policies.remove(), ports.remove()].includes(true);
    },
    async [Symbol.asyncDispose]() {
      open.dispose();
    },
  };
}

export interface NftablesEnforcer extends PolicyEnforcer {
  /** Of the socket whose transactions are its own: watchers leave them out. */
  readonly portId: number;
}

const FRAME = "frame";

function linkName(link: string): string {
  return `link ${link}`;
}

function withLinks(
  frame: Fragment,
  attachments: ReadonlyMap<string, PodAttachment>,
  compile: (attachment: PodAttachment) => Fragment,
): Map<string, Fragment> {
  return new Map([
    [FRAME, frame],
    ...Array.from(attachments, ([link, attachment]) => [linkName(link), compile(attachment)] as const),
  ]);
}

function one(name: string, changed: Fragment | undefined) {
  return { fragments: new Map([[name, changed]]) };
}

function decisions(table: ProgrammedTable): readonly RuleDecision[] {
  return [...table.fragments.values()].flatMap(({ chains }) =>
    [...chains.values()].flatMap(({ rules }) => rules.flatMap(({ decision }) => decision ?? [])),
  );
}

/** Rules that decide have a counter; what they decide stands beside them in the same place of the same chain. */
function countersOf(nft: NftSocket, name: TableName, { fragments }: ProgrammedTable): readonly RuleCounter[] {
  const chains = new Map([...fragments.values()].flatMap((each) => [...each.chains]));
  return [...Map.groupBy(listRules(nft, name), ({ chain }) => chain)].flatMap(([chain, rules]) =>
    rules.flatMap(({ expressions, comment }, index): readonly RuleCounter[] => {
      const wanted = chains.get(chain)?.rules[index];
      const counted = expressions.find(isCounter);
      if (wanted?.decision === undefined || wanted.comment !== comment || counted === undefined) return [];
      const { pod, direction, reason, verdict } = wanted.decision;
      return [{ pod, direction, reason, verdict, packets: counted.packets ?? 0, bytes: counted.bytes ?? 0 }];
    }),
  );
}

function isCounter(expression: Expression): expression is Extract<Expression, { readonly kind: "counter" }> {
  return expression.kind === "counter";
}
