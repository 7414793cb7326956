/** The commands, and the way from arguments to an exit status. Only the command that is called gets loaded. */
import { Command, CommanderError } from "commander";
import { EXIT_CODES } from "./cli-error.ts";
import { isSourceTree } from "./installation.ts";
import { printError } from "./output/print-error.ts";

interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Needs what only the source tree has: tests, compilers, labs. */
  readonly sourceOnly?: true;
  /** For our own programs: not shown in the help. */
  readonly isInternal?: true;
  readonly load: () => Promise<Command>;
}

const COMMANDS: readonly CommandEntry[] = [
  {
    name: "up",
    summary: "start a cluster on this machine: nodes, control plane, pod network",
    load: async () => (await import("./commands/up.ts")).upCommand(),
  },
  {
    name: "down",
    summary: "take a cluster down, and remove all that is left of it",
    load: async () => (await import("./commands/down.ts")).downCommand(),
  },
  {
    name: "list",
    summary: "show the clusters of this machine",
    load: async () => (await import("./commands/list.ts")).listCommand(),
  },
  {
    name: "status",
    summary: "show a cluster's nodes, components and addresses",
    load: async () => (await import("./commands/status.ts")).statusCommand(),
  },
  {
    name: "kubeconfig",
    summary: "print a cluster's kubeconfig",
    load: async () => (await import("./commands/kubeconfig.ts")).kubeconfigCommand(),
  },
  {
    name: "node",
    summary: "run commands in a node; stop, start or crash it",
    load: async () => (await import("./commands/node.ts")).nodeCommand(),
  },
  {
    name: "image",
    summary: "load container images into a cluster's nodes",
    load: async () => (await import("./commands/image.ts")).imageCommand(),
  },
  {
    name: "wait",
    summary: "wait until a Service is in the kernel of every node",
    load: async () => (await import("./commands/wait.ts")).waitCommand(),
  },
  {
    name: "check",
    summary: "prove with packets that a cluster's network does what it promises",
    load: async () => (await import("./commands/check.ts")).checkCommand(),
  },
  {
    name: "trace",
    summary: "send one packet and show each hop of its way",
    load: async () => (await import("./commands/trace.ts")).traceCommand(),
  },
  {
    name: "observe",
    summary: "show new connections and drops, with policy and rule",
    load: async () => (await import("./commands/observe.ts")).observeCommand(),
  },
  {
    name: "policy",
    summary: "test NetworkPolicies with real packets, explain and compare them",
    load: async () => (await import("./commands/policy.ts")).policyCommand(),
  },
  {
    name: "demo",
    summary: "show on this machine how pods are wired, with proof",
    sourceOnly: true,
    load: async () => (await import("./commands/demo.ts")).demoCommand(),
  },
  {
    name: "control-plane",
    summary: "run a Kubernetes API server with scheduler and controllers",
    load: async () => (await import("./commands/control-plane.ts")).controlPlaneCommand(),
  },
  {
    name: "agent",
    summary: "run the node's agent, or show its status",
    load: async () => (await import("./commands/agent.ts")).agentCommand(),
  },
  {
    name: "dns",
    summary: "serve a cluster's names on this node",
    load: async () => (await import("./commands/dns.ts")).dnsCommand(),
  },
  {
    name: "kubelet",
    summary: "run a node's kubelet",
    load: async () => (await import("./commands/kubelet.ts")).kubeletCommand(),
  },
  {
    name: "keep-cluster",
    summary: "be the process that a cluster lives in",
    isInternal: true,
    load: async () => (await import("./commands/keep-cluster.ts")).keepClusterCommand(),
  },
  {
    name: "install",
    summary: "install the CNI plugins into a folder",
    load: async () => (await import("./commands/install.ts")).installCommand(),
  },
  {
    name: "uninstall",
    summary: "remove what install has put there",
    load: async () => (await import("./commands/uninstall.ts")).uninstallCommand(),
  },
  {
    name: "cni",
    summary: "add, check or delete a network interface, as a container runtime would",
    load: async () => (await import("./commands/cni.ts")).cniCommand(),
  },
  {
    name: "lab",
    summary: "exercises on a running cluster that check themselves",
    sourceOnly: true,
    load: async () => (await import("./commands/lab.ts")).labCommand(),
  },
  {
    name: "test",
    summary: "type check, lint and run all tests",
    sourceOnly: true,
    load: async () => (await import("./commands/test.ts")).testCommand(),
  },
  {
    name: "bench",
    summary: "measure Podwire against its peers on this machine",
    sourceOnly: true,
    load: async () => (await import("./commands/bench.ts")).benchCommand(),
  },
  {
    name: "version",
    summary: "print the version",
    load: async () => (await import("./commands/version.ts")).versionCommand(),
  },
];

/** Resolves to the exit status; never rejects. */
export async function main(argv: readonly string[]): Promise<number> {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  try {
    const program = await createProgram(argv);
    await program.parseAsync(argv, { from: "user" });
    return Number(process.exitCode ?? EXIT_CODES.ok);
  } catch (error) {
    // Commander has printed help or the error already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage;
    const { text, exitCode } = printError(error);
    process.stderr.write(text);
    return exitCode;
  }
}

async function createProgram(argv: readonly string[]): Promise<Command> {
  const [first = "help", second] = argv.filter((argument) => !argument.startsWith("-"));
  const called = first === "help" ? second : first;
  const program = new Command("podwire")
    .description("Kubernetes pod network on the Linux kernel: CNI plugins, node agent, data planes")
    .usage("<command> [options]")
    .addHelpText(
      "after",
      "\nExit status: 0 ok, 1 failed, 2 usage, 3 this machine cannot, 4 inconclusive, 130 interrupted",
    )
    .helpCommand("help [command]", "show the help of a command");
  for (const { name, summary, sourceOnly, isInternal, load } of COMMANDS) {
    if (sourceOnly && !isSourceTree) continue;
    const command = name === called ? (await load()).summary(summary) : new Command(name).description(summary);
    program.addCommand(command, { hidden: isInternal ?? false });
  }
  throwInsteadOfExit(program);
  return program;
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride().showHelpAfterError("(--help shows what is possible)");
  for (const child of command.commands) throwInsteadOfExit(child);
}
