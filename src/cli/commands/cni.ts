/**
 * `podwire cni`: what a container runtime does, by hand. Arguments, variables, container ID and output are those of
 * the CNI project's cnitool, so that one can take the place of the other.
 */
import { createHash } from "node:crypto";
import { isAbsolute, resolve } from "node:path";
import { Argument, Command } from "commander";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { CniError } from "#cni/cni-error.ts";
import { formatResult } from "#cni/result-versions.ts";
import type { AttachmentRequest } from "#cni/runtime/build-request.ts";
import { splitPath } from "#cni/runtime/exec-plugin.ts";
import { loadNetwork, type NetworkList } from "#cni/runtime/load-network.ts";
import { DEFAULT_CACHE_DIRECTORY } from "#cni/runtime/result-cache.ts";
import {
  addNetwork,
  type CniRuntime,
  checkNetwork,
  delNetwork,
  gcNetwork,
  statusNetwork,
} from "#cni/runtime/run-network.ts";
import { EXIT_CODES } from "../cli-error.ts";
import { runPluginDirectly } from "../run-plugin-directly.ts";

interface CniCall {
  readonly runtime: CniRuntime;
  readonly network: NetworkList;
  readonly request: AttachmentRequest;
  readonly signal: AbortSignal;
}

/** Each resolves to what is printed. */
const VERBS: Readonly<Record<string, { readonly summary: string; readonly run: (call: CniCall) => Promise<string> }>> =
  {
    add: {
      summary: "add the interface, print the result",
      async run({ runtime, network, request, signal }) {
        const { result, version } = await addNetwork(runtime, network, request, signal);
        return formatResult(result, version);
      },
    },
    check: {
      summary: "check that the interface is as it was added",
      run: ({ runtime, network, request, signal }) => checkNetwork(runtime, network, request, signal).then(() => ""),
    },
    del: {
      summary: "delete the interface",
      run: ({ runtime, network, request, signal }) => delNetwork(runtime, network, request, signal).then(() => ""),
    },
    gc: {
      summary: "delete all interfaces that were added to the network",
      run: ({ runtime, network, signal }) => gcNetwork(runtime, network, undefined, signal).then(() => ""),
    },
    status: {
      summary: "ask the plugins whether they could add an interface",
      run: ({ runtime, network, signal }) => statusNetwork(runtime, network, signal).then(() => ""),
    },
  };

interface CniOptions {
  readonly timeout: number;
}

export function cniCommand(): Command {
  const command = new Command("cni").description(
    "Runs the plugins of a network for one network namespace, as a container runtime would. Takes the same arguments " +
      "and variables as cnitool.",
  );
  for (const [verb, { summary, run }] of Object.entries(VERBS)) {
    const needsNetns = verb === "add" || verb === "check" || verb === "del";
    const netns = new Argument(needsNetns ? "<netns>" : "[netns]", "path of the network namespace: /run/netns/NAME");
    command
      .command(verb)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
      .summary(summary)
      .argument("<network>", "name of the network")
      .addArgument(netns)
      .option("--timeout <seconds>", "end plugins that take longer", Number, 120)
      .addHelpText("after", `\n${VARIABLES}\n\nExample:\n  sudo ip netns add pod1\n${example(verb)}`)
      .action((network: string, path: string | undefined, options: CniOptions) => runVerb(run, network, path, options));
  }
  return command.addHelpText("after", `\n${VARIABLES}\n\nExample:\n  sudo ip netns add pod1\n${example("add")}`);
}

const VARIABLES = `Environment:
  NETCONFPATH   folder of network configurations (default /etc/cni/net.d)
  CNI_PATH      folders of plugins, separated by ":"
  CNI_ARGS      arguments for the plugins: KEY=VALUE;KEY=VALUE
  CAP_ARGS      capability arguments, JSON: {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
  CNI_IFNAME    name of the interface (default eth0)`;

function example(verb: string): string {
  return `  sudo CNI_PATH=/opt/cni/bin podwire cni ${verb} podwire /run/netns/pod1`;
}

/** The plugins' own words stay as they are, for callers that know cnitool: one line on stderr, status 1. */
async function runVerb(
  run: (call: CniCall) => Promise<string>,
  name: string,
  path: string | undefined,
  { timeout }: CniOptions,
): Promise<void> {
  try {
    const call = await prepareCall(name, path ?? "", process.env, AbortSignal.timeout(timeout * 1000));
    process.stdout.write(await run(call));
  } catch (error) {
    if (!(error instanceof CniError || error instanceof AggregateError)) throw error;
    const details = error instanceof CniError && error.details !== "" ? `; ${error.details}` : "";
    process.stderr.write(`${error.message}${details}\n`);
    process.exitCode = EXIT_CODES.failed;
  }
}

async function prepareCall(
  name: string,
  path: string,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<CniCall> {
  const network = await loadNetwork(environment["NETCONFPATH"] || "/etc/cni/net.d", name);
  const args = parseArgs(environment["CNI_ARGS"] ?? "");
  const capabilityArgs = parseCapabilityArgs(environment["CAP_ARGS"] ?? "");
  const netns = isAbsolute(path) || path === "" ? path : resolve(path);
  return {
    network,
    signal,
    runtime: {
      runProcess: runPluginDirectly,
      path: splitPath(environment["CNI_PATH"]),
      cacheDirectory: DEFAULT_CACHE_DIRECTORY,
      environment: Object.fromEntries(
        Object.entries(environment).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
      ),
      onStderr: (text) => process.stderr.write(text),
    },
    request: {
      containerId: containerIdOf(netns),
      netns,
      ifname: environment["CNI_IFNAME"] || "eth0",
      args,
      ...(capabilityArgs && { capabilityArgs }),
    },
  };
}

export function containerIdOf(netns: string): string {
  return `cnitool-${createHash("sha512").update(netns).digest("hex").slice(0, 20)}`;
}

function parseArgs(text: string): readonly (readonly [string, string])[] {
  if (text === "") return [];
  return text.split(";").map((pair) => {
    const [key, value, ...rest] = pair.split("=");
    if (!key || !value || rest.length > 0) {
      throw new CniError("invalidEnvironment", `invalid CNI_ARGS pair ${JSON.stringify(pair)}`);
    }
    return [key, value] as const;
  });
}

function parseCapabilityArgs(text: string): JsonObject | undefined {
  if (text === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CniError("invalidEnvironment", `invalid CAP_ARGS: ${reason}`, "", { cause });
  }
  if (isJsonObject(value)) return value;
  throw new CniError("invalidEnvironment", "invalid CAP_ARGS: it is not a JSON object");
}
