/**
 * What the reference plugins (containernetworking/plugins 0.8 to 1.9) put into the ruleset for one attachment, removed
 * without executing iptables or nft. Their own DEL leaves it behind when the pod's namespace is gone.
 * Names as those plugins make them: chains `CNI-…` and `CNI-DN-…` are cut hex SHA-512 sums of network and container.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Attachment, GcRequest } from "#cni/plugin.ts";
import { inNetns } from "#kernel/netns/netns.ts";
import { listRules } from "#kernel/nfnetlink/nft-query.ts";
import { deleteChainAndItsJumps, deleteRulesByComment, ruleComments } from "#kernel/nfnetlink/reference-leftovers.ts";
import { jumpTarget } from "#kernel/nfnetlink/rule.ts";
import type { Host } from "../host.ts";

type LeftoverHost = Pick<Host, "nft" | "netns">;

const NAT_FAMILIES = ["ip", "ip6"] as const;
/** Length of an iptables chain name: 28 characters (XT_EXTENSION_MAXNAMELEN less the NUL). */
const CHAIN_NAME_LENGTH = 28;

/** `CNI-…` of the masquerade, `CNI-DN-…` of the host ports. */
export function referenceChains({ network, containerId }: Attachment): readonly string[] {
  const hash = createHash("sha512")
    .update(network + containerId)
    .digest("hex");
  return ["CNI-", "CNI-DN-"].map((prefix) => (prefix + hash).slice(0, CHAIN_NAME_LENGTH));
}

/**
 * `wasAttached`: something tells that there was an attachment. Only then is it worth executing a program for rules of
 * iptables-legacy; runtimes also send DEL for what is long gone.
 */
export function removeReferenceLeftovers(host: LeftoverHost, attachment: Attachment, wasAttached: boolean): void {
  const { network, containerId, ifname } = attachment;
  for (const family of NAT_FAMILIES) {
    for (const chain of referenceChains(attachment)) {
      deleteChainAndItsJumps(host.nft, { family, table: "nat", chain });
    }
    deleteRulesByComment(host.nft, { family, table: "cni_hostport" }, (comment) => comment === containerId);
  }
  const masquerade = `, net: ${network}, if: ${ifname}, id: ${containerId}`;
  deleteRulesByComment(host.nft, { family: "inet", table: "cni_plugins_masquerade" }, (comment) =>
    comment.endsWith(masquerade),
  );
  for (const suffix of ["", "-mac"]) {
    const chain = `cni-br-iface-${containerId}-${ifname}${suffix}`;
    deleteChainAndItsJumps(host.nft, { family: "bridge", table: "nat", chain });
  }
  if (wasAttached) removeLegacyChains(host, referenceChains(attachment));
}

/** `name: "net" id: "cid"`, with `dnat ` before it where it is about host ports. */
const OWNER_COMMENT = /^(?:dnat )?name: "([^"]*)" id: "([^"]*)"$/;

/** The same for every container of the network that GC does not list. */
export function removeStaleReferenceLeftovers(host: LeftoverHost, { config, validAttachments }: GcRequest): void {
  if (validAttachments === undefined) return;
  const valid = new Set(validAttachments.map(({ containerId }) => containerId));
  for (const family of NAT_FAMILIES) {
    const rules = listRules(host.nft, { family, table: "nat" });
    const chains = rules.flatMap((rule) => {
      const owned = ruleComments(rule).some((comment) => {
        const [, network, containerId] = OWNER_COMMENT.exec(comment) ?? [];
        return network === config.name && containerId !== undefined && !valid.has(containerId);
      });
      return owned ? rule.expressions.flatMap((expression) => jumpTarget(expression) ?? []) : [];
    });
    for (const chain of new Set(chains.filter((name) => name.startsWith("CNI-")))) {
      deleteChainAndItsJumps(host.nft, { family, table: "nat", chain });
    }
  }
}

/**
 * Rules of iptables-legacy are out of nfnetlink's reach: its own program has to change them. Executed only where that
 * table is in use at all and holds a chain of this container.
 */
function removeLegacyChains({ netns }: Pick<Host, "netns">, chains: readonly string[]): void {
  const tables = inNetns(netns, () => readTableNames("/proc/thread-self/net/ip_tables_names"));
  if (!tables.includes("nat")) return;
  inNetns(netns, () => {
    const rules = execFileSync("iptables-legacy-save", ["-t", "nat"], { encoding: "utf8" }).split("\n");
    const lines = chains.flatMap((chain) => legacyRemoval(rules, chain));
    if (lines.length === 0) return;
    const input = ["*nat", ...lines, "COMMIT", ""].join("\n");
    execFileSync("iptables-legacy-restore", ["--noflush", "--wait"], { input });
  });
}

/** Lines for iptables-restore that take a chain and the jumps to it out of what iptables-save printed. Pure. */
export function legacyRemoval(rules: readonly string[], chain: string): readonly string[] {
  if (!rules.some((rule) => rule.startsWith(`:${chain} `))) return [];
  const jumps = rules.filter((rule) => rule.startsWith("-A ") && rule.endsWith(`-j ${chain}`));
  return [...jumps.map((rule) => `-D${rule.slice(2)}`), `-F ${chain}`, `-X ${chain}`];
}

function readTableNames(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return []; // no iptables-legacy in this kernel
  }
}
