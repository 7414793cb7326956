/** What the node's kernel, and the agent, say about the pods' network after the checks. */
import type { IpAddress } from "#base/ip-address.ts";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { OUTSIDE } from "#cluster/outside.ts";
import { observePodLinks, type PodLinks } from "#cluster/pod-links.ts";
import { openNetns } from "#kernel/netns/netns.ts";
import { createConntrackSocket, listConntrack } from "#kernel/nfnetlink/conntrack.ts";
import type { ConntrackTuple } from "#kernel/nfnetlink/conntrack-message.ts";
import { type Demo, WEB_HOST_PORT } from "./start-demo.ts";

export interface PodEvidence extends PodLinks {
  readonly name: string;
  readonly ip: string;
}

export interface DemoEvidence {
  readonly pods: { readonly web: PodEvidence; readonly client: PodEvidence };
  /** `podwire agent status -o json`; absent without an agent. */
  readonly agent?: JsonObject;
  /** `ip -br link` in the node. */
  readonly links: string;
  /** `nft list table inet podwire` in the node. */
  readonly nftTable: string;
  /** Translated connections, as the node's kernel tracks them. */
  readonly connections: readonly string[];
}

export async function collectEvidence(demo: Demo, signal: AbortSignal): Promise<DemoEvidence> {
  const { node, agent, web, client } = demo;
  const describe = async (pod: Demo["web"]): Promise<PodEvidence> => {
    return { name: pod.name, ip: pod.ip, ...(await observePodLinks(node, pod, signal)) };
  };
  const output = async (argv: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await node.exec(argv, signal);
    return code === 0 ? stdout : `${argv.join(" ")}: ${stderr}`;
  };
  const status: unknown = agent && JSON.parse(await agent.status(signal));
  return {
    pods: { web: await describe(web), client: await describe(client) },
    ...(isJsonObject(status) && { agent: status }),
    links: await output(["ip", "-br", "link"]),
    nftTable: await output(["nft", "list", "table", "inet", "podwire"]),
    connections: translatedConnections(node.netnsPath),
  };
}

function translatedConnections(netnsPath: string): readonly string[] {
  using netns = openNetns(netnsPath);
  using socket = createConntrackSocket(netns);
  const filters: readonly Partial<ConntrackTuple>[] = [
    { destination: OUTSIDE.serviceAddress },
    { destination: OUTSIDE.nodeAddress, destinationPort: WEB_HOST_PORT },
  ];
  return filters.flatMap((original) =>
    listConntrack(socket, { family: 4, original }).map(
      (entry) =>
        `${entry.original.protocol} ${endpoint(entry.original, "source")} → ${endpoint(entry.original, "destination")}` +
        `, answered by ${endpoint(entry.reply, "source")} to ${endpoint(entry.reply, "destination")}`,
    ),
  );
}

function endpoint(tuple: ConntrackTuple, end: "source" | "destination"): string {
  const address: IpAddress = tuple[end];
  return `${address}:${end === "source" ? tuple.sourcePort : tuple.destinationPort}`;
}
