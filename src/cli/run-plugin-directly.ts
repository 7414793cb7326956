/**
 * Runs plugins for `podwire cni`: our own through the agent where one listens, else in this process, which is what
 * our launcher would do with one process more; foreign ones by executing them.
 */
import { AgentError } from "#agent/agent-error.ts";
import { askAgent } from "#agent/ask-agent.ts";
import type { LauncherRequest } from "#agent/launcher-protocol.ts";
import { isOurLauncher } from "#agent/our-launcher.ts";
import { CniError } from "#cni/cni-error.ts";
import type { PluginOutput } from "#cni/plugin-main.ts";
import { execFile, findPlugin, type RunPluginProcess, splitPath } from "#cni/runtime/exec-plugin.ts";
import { ownAgentPaths } from "./own-agent-paths.ts";

export const runPluginDirectly: RunPluginProcess = async (call, signal = AbortSignal.timeout(DEFAULT_TIMEOUT_MS)) => {
  const file = findPlugin(call.type, splitPath(call.environment["CNI_PATH"]));
  if (!isOurLauncher(file)) return execFile(file, call, signal);
  return runOurs({ plugin: call.type, environment: call.environment, stdin: Buffer.from(call.stdin) }, signal);
};

const DEFAULT_TIMEOUT_MS = 120_000;

async function runOurs(request: LauncherRequest, signal: AbortSignal): Promise<PluginOutput> {
  const { socket } = await ownAgentPaths(request.environment);
  try {
    return await askAgent(socket, request, signal);
  } catch (error) {
    if (!(error instanceof AgentError && error.code === "notRunning")) throw unanswered(request.plugin, error);
    const { runStandalone } = await import("#agent/standalone.ts");
    return runStandalone(request);
  }
}

/** As the launcher says it when the connection ends, or this process when its patience does. */
function unanswered(plugin: string, cause: unknown): CniError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CniError("tryAgainLater", `The Podwire agent did not answer for plugin "${plugin}": ${reason}`, "", {
    cause,
  });
}
