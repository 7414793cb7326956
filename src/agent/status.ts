/** What the agent says about itself and its attachments, compared with the kernel at the moment of asking. */
import type { JsonObject } from "#base/json.ts";
import type { PluginOutput } from "#cni/plugin-main.ts";
import { missingNat } from "#dataplane/nat/apply.ts";
import { describeWanted, ownerComment } from "#dataplane/nat/plan.ts";
import { findNetns } from "#kernel/netns/netns.ts";
import { findLink } from "#kernel/rtnetlink/link.ts";
import type { Host } from "#plugins/host.ts";
import { askDnsStatus } from "./dns/dns-status.ts";
import type { Ledger, LedgerRecord, Phase } from "./ledger.ts";
import type { NatLoop } from "./loops/nat.ts";
import type { NetworkStatus, PeerStatus } from "./network/network-status.ts";
import type { AgentNetwork } from "./network/start-network.ts";
import type { AgentPolicy, PolicyStatus } from "./policy/start-policy.ts";
import type { ServicesStatus } from "./services/services-status.ts";
import type { AgentServices } from "./services/start-services.ts";

/** Sent as the plugin's name; no plugin can be installed under it, since `/` is no part of a file's name. */
export const STATUS_REQUEST = "podwire/status";

export interface AttachmentStatus {
  readonly network: string;
  readonly containerId: string;
  readonly ifname: string;
  readonly plugin: string;
  readonly phase: Phase;
  readonly netns: string;
  readonly hostLink: string | undefined;
  readonly masquerades: readonly string[];
  readonly hostPorts: readonly string[];
  /** What differs between ledger and kernel; empty when all is as it should be. */
  readonly drift: readonly string[];
}

export interface AgentStatus {
  readonly pid: number;
  /** RFC 3339 */
  readonly startedAt: string;
  readonly epoch: string;
  readonly residentBytes: number;
  readonly repairs: { readonly restored: number; readonly removed: number };
  /** Absent when the agent serves the plugins alone; `peers` too. */
  readonly network?: NetworkStatus;
  readonly peers?: readonly PeerStatus[];
  /** Absent when Services are somebody else's. */
  readonly services?: ServicesStatus;
  /** Absent when policies are somebody else's. */
  readonly policy?: PolicyStatus;
  /** Absent when the node's names are somebody else's; see DnsStatus. */
  readonly dns?: JsonObject;
  readonly attachments: readonly AttachmentStatus[];
}

export interface StatusDeps {
  readonly ledger: Ledger;
  readonly epoch: string;
  readonly startedAt: Date;
  readonly natLoop: NatLoop;
  readonly host: Pick<Host, "rtnetlink" | "nft">;
  readonly network?: Pick<AgentNetwork, "report"> | undefined;
  readonly services?: Pick<AgentServices, "report"> | undefined;
  readonly policy?: Pick<AgentPolicy, "report"> | undefined;
  /** Of the node's name server, which may not run. */
  readonly dnsSocket: string;
}

export async function agentStatus({
  ledger,
  epoch,
  startedAt,
  natLoop,
  host,
  network,
  services,
  policy,
  dnsSocket,
}: StatusDeps): Promise<PluginOutput> {
  const dns = await askDnsStatus(dnsSocket);
  const status: AgentStatus = {
    pid: process.pid,
    startedAt: startedAt.toISOString(),
    epoch,
    residentBytes: process.memoryUsage.rss(),
    repairs: natLoop.counters,
    ...(await network?.report()),
    ...(await services?.report()),
    ...policy?.report(),
    ...(dns !== undefined && { dns }),
    attachments: ledger.all().map((record) => attachmentStatus(record, host)),
  };
  return { stdout: `${JSON.stringify(status, undefined, 2)}\n`, stderr: "", exitCode: 0 };
}

function attachmentStatus(record: LedgerRecord, host: StatusDeps["host"]): AttachmentStatus {
  const { network, containerId, ifname, plugin, phase, netns, facts } = record;
  return {
    network,
    containerId,
    ifname,
    plugin,
    phase,
    netns,
    hostLink: facts?.hostLink,
    masquerades: (facts?.nat?.masquerades ?? []).map(({ address, subnet }) => `${address} outside ${subnet}`),
    hostPorts: (facts?.nat?.hostPorts ?? []).map(describeWanted),
    drift: phase === "added" ? findDrift(record, host) : [],
  };
}

function findDrift(record: LedgerRecord, { rtnetlink, nft }: StatusDeps["host"]): readonly string[] {
  const { hostLink, nat } = record.facts ?? {};
  using netns = findNetns(record.netns);
  return [
    ...(netns === undefined ? [`network namespace "${record.netns}" is gone`] : []),
    ...(hostLink !== undefined && !findLink(rtnetlink, { name: hostLink }) ? [`link "${hostLink}" is gone`] : []),
    ...(nat
      ? missingNat(nft, ownerComment(record), nat).map(({ wanted }) => `${describeWanted(wanted)} is not in the kernel`)
      : []),
  ];
}
