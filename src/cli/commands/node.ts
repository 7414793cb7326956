/** `podwire node shell`, `exec`, `stop`, `start` and `crash` */
import { spawn } from "node:child_process";
import { Command } from "commander";
import { enterNode } from "#cluster/enter-node.ts";
import type { ClusterStatus, NodeStatusReport } from "#cluster/keeper/cluster-status.ts";
import { didYouMean } from "#cluster/keeper/config-reader.ts";
import { exitStatus } from "#cluster/program.ts";
import { CliError } from "../cli-error.ts";
import { askCluster, clusterStatus, commandSignal, nameOption, requireRoot } from "../cluster/cluster-name.ts";

interface NodeOptions {
  readonly name: string;
}

const ASK_SECONDS = 10;
const CHANGE_SECONDS = 120;
const NODE_PATH = "/opt/cni/bin/.podwire:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const CHANGES = {
  stop: "Ends a node's programs in order, then the node, with all of its pods.",
  start: "Starts a node that was stopped or has crashed, and waits until it is ready.",
  crash: "Ends a node at once, as a power cut does.",
} as const;

export function nodeCommand(): Command {
  const node = new Command("node").description("Runs commands in a node; stops, starts or crashes it.");
  node.addCommand(
    new Command("shell")
      .description("A shell in a node's namespaces, or a command. The node has this machine's programs.")
      .argument("<node>", "name, or its number")
      .argument("[command...]", "instead of a shell, behind --")
      .addOption(nameOption())
      .addHelpText("after", "\nExample:\n  sudo podwire node shell 1 -- ip -br address")
      .action((name: string, command: readonly string[], options: NodeOptions) => runInNode(name, command, options)),
  );
  node.addCommand(
    new Command("exec")
      .description("A command in a node's namespaces, with its exit status.")
      .argument("<node>", "name, or its number")
      .argument("<command...>", "behind --")
      .addOption(nameOption())
      .addHelpText("after", "\nExample:\n  sudo podwire node exec podwire-2 -- crictl ps")
      .action((name: string, command: readonly string[], options: NodeOptions) => runInNode(name, command, options)),
  );
  for (const action of ["stop", "start", "crash"] as const) {
    node.addCommand(
      new Command(action)
        .description(CHANGES[action])
        .argument("<node>", "name, or its number")
        .addOption(nameOption())
        .addHelpText("after", `\nExample:\n  sudo podwire node ${action} 2`)
        .action((name: string, options: NodeOptions) => changeNode(action, name, options)),
    );
  }
  return node;
}

async function changeNode(action: keyof typeof CHANGES, nodeName: string, { name }: NodeOptions): Promise<void> {
  requireRoot(`Cannot ${action} a node`);
  const signal = commandSignal(CHANGE_SECONDS);
  const node = findNode(await clusterStatus(name, signal), nodeName);
  const startedMs = performance.now();
  await askCluster(name, { op: "node", action, node: node.name }, { signal });
  const durationMs = String(Math.round(performance.now() - startedMs)).padStart(6);
  process.stderr.write(`podwire: ${durationMs} ms  node ${node.name}: ${action}\n`);
}

async function runInNode(nodeName: string, command: readonly string[], { name }: NodeOptions): Promise<void> {
  requireRoot("Cannot enter a node");
  const node = findNode(await clusterStatus(name, commandSignal(ASK_SECONDS)), nodeName);
  if (node.initPid === undefined) {
    const next = `start it: podwire node start ${node.name}`;
    throw new CliError("failed", { what: `Node "${node.name}" is ${node.state}`, next });
  }
  const argv = command.length > 0 ? command : ["sh", "-c", "command -v bash >/dev/null && exec bash -i || exec sh -i"];
  // nsenter --wd would name a folder of this machine.
  const [program = "", ...args] = enterNode(node.initPid, [
    "sh",
    "-c",
    'cd /root 2>/dev/null || cd /; exec "$@"',
    "sh",
    ...argv,
  ]);
  const { TERM, HOME, LANG } = process.env;
  const known = Object.fromEntries(Object.entries({ TERM, HOME, LANG }).filter(([, value]) => value !== undefined));
  const child = spawn(program, args, {
    stdio: "inherit",
    env: { ...known, PATH: NODE_PATH, PS1: `${node.name}:\\w# ` },
  });
  // The terminal sends them to the command as well, which decides.
  for (const signal of ["SIGINT", "SIGQUIT", "SIGTERM"] as const) process.on(signal, () => undefined);
  process.exitCode = await exitStatus(child);
}

/** By name, or by number: "2" is the second one. */
function findNode({ name, nodes }: ClusterStatus, wanted: string): NodeStatusReport {
  const found = nodes.find((node) => node.name === wanted || node.name === `${name}-${wanted}`);
  if (found !== undefined) return found;
  const names = nodes.map((node) => node.name);
  throw new CliError("usage", { what: `Cluster "${name}" has no node "${wanted}"`, why: didYouMean(wanted, names) });
}
