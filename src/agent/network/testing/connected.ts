/** Agents on all nodes of a world, and what it means that they are done. */
import type { Backend } from "#dataplane/contract.ts";
import type { AgentStatus } from "../../status.ts";
import type { TestAgent } from "../../testing/test-host.ts";
import type { NetworkWorld } from "./network-world.ts";

/** So many paths to peers, all of them good, and nothing is left to do. */
export function isConnected(paths: number, backend?: Backend): (status: AgentStatus) => boolean {
  return ({ network, peers = [] }) =>
    network?.state === "ready" &&
    network.drift.length === 0 &&
    network.problems.length === 0 &&
    peers.length === paths &&
    peers.every((peer) => peer.problem === "" && (backend === undefined || peer.backend === backend));
}

export async function startAgents(
  { nodes }: Pick<NetworkWorld, "nodes">,
  stack: AsyncDisposableStack,
): Promise<readonly TestAgent[]> {
  const agents: TestAgent[] = [];
  for (const { host, options } of nodes) agents.push(stack.use(await host.startAgent(options)));
  return agents;
}
