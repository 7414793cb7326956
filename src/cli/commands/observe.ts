/** `podwire observe` */
import { Command, InvalidArgumentError, Option } from "commander";
import { FLOW_VERDICTS, type FlowEntry, type FlowVerdict } from "#agent/observe/flow.ts";
import { findAgentSocket } from "#cluster/find-agent-socket.ts";
import { CliError } from "../cli-error.ts";
import { clusterStatus, nameOption, requireRoot } from "../cluster/cluster-name.ts";
import { isWanted } from "../observe/filter-flow.ts";
import { formatFlow } from "../observe/format-flow.ts";
import { agentFlows, followFlows, isAgentGone, ObserveError, readFlows } from "../observe/read-flows.ts";

interface ObserveOptions {
  readonly name: string;
  readonly node?: string;
  readonly follow?: boolean;
  readonly since?: number;
  readonly pod?: string;
  readonly verdict?: FlowVerdict;
  readonly port?: number;
  readonly output: "compact" | "json";
}

const TIMEOUT_MS = 10_000;
const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

export function observeCommand(): Command {
  return new Command("observe")
    .description(
      "Shows new connections of pods and what policies dropped, on all nodes in the order of time, with the policy and " +
        "rule by name. Agents keep the last ones; where some are missing, a line says how many.",
    )
    .addOption(nameOption())
    .option("--node <node>", "of this node only")
    .option("-f, --follow", "go on with what comes, until interrupted")
    .option("--since <time>", "only what is younger: 30s, 5m, 1h", parseSince)
    .option("--pod <pod>", "from or to this pod (NAMESPACE/NAME), or those of a namespace (NAMESPACE/)")
    .addOption(new Option("--verdict <verdict>", "only these").choices(FLOW_VERDICTS))
    .option("--port <port>", "of either end, or of the Service", parsePort)
    .addOption(
      new Option("-o, --output <format>", "print as; json is one object for each line")
        .choices(["compact", "json"])
        .default("compact"),
    )
    .addHelpText(
      "after",
      "\nExample:\n  sudo podwire observe --follow --verdict dropped\n  sudo podwire observe --since 5m --pod default/web -o json",
    )
    .action(run);
}

async function run(options: ObserveOptions): Promise<void> {
  requireRoot("Cannot ask a cluster's agents");
  const { name, node, follow, since, output } = options;
  const interrupted = interruptSignal();
  const within = (): AbortSignal => AbortSignal.any([interrupted, AbortSignal.timeout(TIMEOUT_MS)]);
  const { nodes } = await clusterStatus(name, within());
  const wanted = nodes.filter((one) => node === undefined || one.name === node);
  if (wanted.length === 0) {
    const evidence = `there are: ${nodes.map((one) => one.name).join(", ")}`;
    throw new CliError("usage", { what: `Cluster "${name}" has no node "${node ?? ""}"`, evidence });
  }
  const sources = await Promise.all(
    wanted.flatMap(({ name: on, initPid }) =>
      initPid === undefined ? [] : [findAgentSocket(initPid).then((socket) => agentFlows(on, socket))],
    ),
  );
  const show = (entry: FlowEntry): void => {
    if (!isWanted(entry, options)) return;
    process.stdout.write(`${output === "json" ? JSON.stringify({ version: 1, ...entry }) : formatFlow(entry)}\n`);
  };
  try {
    const sinceMicros = since === undefined ? undefined : (Date.now() - since) * 1000;
    const soFar = await readFlows(sources, sinceMicros, within());
    for (const entry of soFar.entries) show(entry);
    if (follow) await followFlows(sources, soFar, { show, signal: interrupted });
  } catch (error) {
    if (interrupted.aborted && follow) return; // that is how it ends
    throw explained(error);
  }
}

function explained(error: unknown): unknown {
  if (error instanceof ObserveError) {
    const next = "agents that enforce policies record flows: start it without --policy none";
    return new CliError("failed", { what: "Cannot read flows", why: error.message, next }, { cause: error });
  }
  if (!isAgentGone(error)) return error;
  const next = "see which runs: podwire status; or ask the others: --node NODE";
  return new CliError("failed", { what: "Cannot read flows", why: String(error), next }, { cause: error });
}

function interruptSignal(): AbortSignal {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => interrupted.abort(new CliError("interrupted", { what: "Interrupted" })));
  }
  return interrupted.signal;
}

/** Milliseconds. */
function parseSince(text: string): number {
  const [, number = "", unit = ""] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  if (number === "") throw new InvalidArgumentError("It is no time, as 30s, 5m or 1h.");
  return Number(number) * UNITS_MS[unit as keyof typeof UNITS_MS]; // as the expression has it
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError("It is no port from 1 to 65535.");
}
