/** What a node's agent has recorded of drops by policy. */
import { AgentError } from "#agent/agent-error.ts";
import { askAgent } from "#agent/ask-agent.ts";
import { OBSERVE_REQUEST, parseObserveReply } from "#agent/observe/observe-protocol.ts";
import type { RecordedDrop } from "#trace/cluster-access.ts";
import { findAgentSocket } from "./find-agent-socket.ts";
import type { NodeStatusReport } from "./keeper/cluster-status.ts";

const AGENT_TIMEOUT_MS = 3_000;

/** Nothing from a node that does not run, or whose agent does not answer or records nothing. */
export async function readDrops(
  { initPid }: Pick<NodeStatusReport, "initPid">,
  sinceMicros: number,
  signal: AbortSignal,
): Promise<readonly RecordedDrop[]> {
  if (initPid === undefined) return [];
  const deadline = AbortSignal.timeout(AGENT_TIMEOUT_MS);
  const question = {
    plugin: OBSERVE_REQUEST,
    environment: {},
    stdin: Buffer.from(JSON.stringify({ sinceMicros })),
  };
  try {
    const socket = await findAgentSocket(initPid);
    const { stdout, exitCode } = await askAgent(socket, question, AbortSignal.any([signal, deadline]));
    if (exitCode !== 0) return [];
    return parseObserveReply(stdout).entries.flatMap((entry): readonly RecordedDrop[] => {
      if (entry.kind === "gap" || entry.verdict !== "dropped" || entry.direction === undefined) return [];
      const { node, direction, policies = [], rule = "", source, destination } = entry;
      return [
        {
          node,
          direction,
          policies,
          rule,
          source: source.address,
          destination: destination.address,
          ...(source.port !== undefined && { sourcePort: source.port }),
          ...(destination.port !== undefined && { destinationPort: destination.port }),
        },
      ];
    });
  } catch (error) {
    if (error instanceof AgentError || (deadline.aborted && !signal.aborted)) return [];
    throw error;
  }
}
