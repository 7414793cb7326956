/** `podwire agent` and `podwire agent status` */
import { Command, Option } from "commander";
import { CliError } from "../cli-error.ts";
import { printStatus, type StatusFormat } from "../output/print-status.ts";
import { ownAgentPaths } from "../own-agent-paths.ts";
import { addNetworkFlags, explainNetwork, type NetworkFlags, networkOptions } from "./agent-network-flags.ts";
import { addPolicyFlags, type PolicyFlags, policyOptions } from "./agent-policy-flags.ts";
import { addServiceFlags, type ServiceFlags, servicesOptions } from "./agent-service-flags.ts";

interface AgentOptions extends NetworkFlags, ServiceFlags, PolicyFlags {
  readonly runDir?: string;
  readonly stateDir?: string;
  readonly quiet?: true;
}

interface StatusOptions {
  readonly output?: StatusFormat;
  readonly timeout: number;
}

export function agentCommand(): Command {
  const command = new Command("agent")
    .description("Runs the agent of this network namespace in the foreground, until SIGTERM or SIGINT.")
    .option("--run-dir <dir>", "folder of its socket and lock (PODWIRE_RUN_DIR)", "/run/podwire")
    .option("--state-dir <dir>", "folder of its pod ledger (PODWIRE_STATE_DIR)", "/var/lib/podwire")
    .option("-q, --quiet", "log errors only")
    .addHelpText(
      "after",
      "\nWith a node's name it also connects the node's pods with those of other nodes, translates Services, and enforces policies.\n\n" +
        "Example:\n  sudo podwire agent\n  sudo podwire agent --node-name node-1 --kubeconfig /etc/podwire/agent.kubeconfig\n" +
        "  sudo podwire agent status -o wide",
    )
    .action(runCommand);
  return addPolicyFlags(addServiceFlags(addNetworkFlags(command))).addCommand(statusCommand());
}

async function runCommand({ quiet, ...flags }: AgentOptions, command: Command): Promise<void> {
  const network = networkOptions(flags);
  const services = flags.policyOnly ? undefined : servicesOptions(flags, network);
  const policy = policyOptions(flags, network);
  if (process.getuid?.() !== 0) {
    throw new CliError("machine", {
      what: "Cannot run the agent",
      why: "it needs root",
      next: "run: sudo podwire agent",
    });
  }
  const [{ runAgent }, { createLog }] = await Promise.all([import("#agent/main.ts"), import("#base/log.ts")]);
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
  const log = createLog();
  await runAgent({
    environment: { ...process.env, ...directories(command) },
    signal: stop.signal,
    log: quiet ? { ...log, info: () => undefined } : log,
    ...(flags.policyOnly ? { source: network?.source } : { network }),
    services,
    policy,
  }).catch((error: unknown) => {
    throw explainNetwork(error);
  });
}

/** Options beat the environment, the environment beats the defaults. */
function directories(command: Command): Readonly<Record<string, string>> {
  const { runDir, stateDir } = command.optsWithGlobals<AgentOptions>();
  const given = (option: string): boolean => command.getOptionValueSource(option) === "cli";
  return {
    ...(runDir !== undefined && given("runDir") && { PODWIRE_RUN_DIR: runDir }),
    ...(stateDir !== undefined && given("stateDir") && { PODWIRE_STATE_DIR: stateDir }),
  };
}

function statusCommand(): Command {
  return new Command("status")
    .description("Shows what the agent of this network namespace has under its care.")
    .addOption(new Option("-o, --output <format>", "print as").choices(["json", "wide"]))
    .option("--timeout <seconds>", "how long to wait for the answer", Number, 5)
    .addHelpText("after", "\nExample:\n  sudo podwire agent status -o json")
    .action(async ({ output, timeout }: StatusOptions, command: Command) => {
      const [{ askAgent }, { STATUS_REQUEST }] = await Promise.all([
        import("#agent/ask-agent.ts"),
        import("#agent/status.ts"),
      ]);
      const environment = { ...process.env, ...directories(command.parent ?? command) };
      const { socket } = await ownAgentPaths(environment);
      const request = { plugin: STATUS_REQUEST, environment: {}, stdin: Buffer.alloc(0) };
      const { stdout, exitCode } = await askAgent(socket, request, AbortSignal.timeout(timeout * 1000));
      if (exitCode !== 0) {
        throw new CliError("failed", { what: "The agent cannot tell its status", evidence: stdout.trim() });
      }
      process.stdout.write(printStatus(stdout, output));
    });
}
