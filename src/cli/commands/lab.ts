/** `podwire lab list`, `run` and `test` */

import { delimiter } from "node:path";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import { createHttpClient } from "#api-client/http-client.ts";
import { loadKubeconfig } from "#api-client/kubeconfig.ts";
import type { ClusterStatus } from "#cluster/keeper/cluster-status.ts";
import { didYouMean } from "#cluster/keeper/config-reader.ts";
import { openClusterAccess } from "#cluster/open-cluster-access.ts";
import type { Lab, LabWorld } from "#lab/lab.ts";
import { describe, runLab } from "#lab/run-lab.ts";
import type { LabShell } from "#lab/run-lines.ts";
import { testLab } from "#lab/test-lab.ts";
import { labs } from "../../../labs/labs.ts";
import { CliError, EXIT_CODES } from "../cli-error.ts";
import { clusterStatus, commandSignal, nameOption, requireRoot } from "../cluster/cluster-name.ts";
import { projectRoot } from "../installation.ts";

interface LabOptions {
  /** Of the cluster. */
  readonly name: string;
  readonly timeout: number;
}

const LAB_SECONDS = 6 * 60 * 60;
/** To the solutions: where clusters are, besides what every program needs. */
const PASSED_ON = ["HOME", "LANG", "PODWIRE_RUN_DIR", "PODWIRE_STATE_DIR", "PODWIRE_NO_INSTALL"];

export function labCommand(): Command {
  const lab = new Command("lab").description("Exercises on a running cluster that check themselves, in the kernel.");
  lab.addCommand(
    new Command("list")
      .description("Shows the labs.")
      .addHelpText("after", "\nExample:\n  podwire lab list")
      .action(() => {
        const width = Math.max(...labs.map(({ name }) => name.length)) + 3;
        process.stdout.write(labs.map(({ name, summary }) => `${name.padEnd(width)}${summary}\n`).join(""));
      }),
  );
  lab.addCommand(
    new Command("run")
      .description("Tells what to do, step by step, and checks it. Work in a second terminal.")
      .argument("<lab>", "see podwire lab list")
      .addOption(nameOption())
      .addHelpText("after", "\nExample:\n  sudo podwire up && sudo podwire lab run pod-ips")
      .action((name: string, options: LabOptions) => run(findLab(name), options)),
  );
  lab.addCommand(
    new Command("test")
      .description("Does the labs by their own solutions, and proves that each check fails before and holds after.")
      .argument("[lab...]", "default: all of them")
      .addOption(nameOption())
      .option("--timeout <seconds>", "for each lab", Number, 300)
      .addHelpText("after", "\nExample:\n  sudo podwire lab test pod-ips pod-by-hand")
      .action((names: readonly string[], options: LabOptions) =>
        test(names.length === 0 ? labs : names.map(findLab), options),
      ),
  );
  return lab;
}

function findLab(wanted: string): Lab {
  const found = labs.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const why = didYouMean(
    wanted,
    labs.map(({ name }) => name),
  );
  throw new CliError("usage", { what: `There is no lab "${wanted}"`, why, next: "see: podwire lab list" });
}

async function run(lab: Lab, { name }: LabOptions): Promise<void> {
  const signal = commandSignal(LAB_SECONDS);
  using place = await openPlace(name, signal);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const say = (text: string): unknown => process.stdout.write(`${text}\n`);
  try {
    say(`Work in a second terminal, with: export KUBECONFIG=${place.status.kubeconfig}\n`);
    const terminal = { lines, say };
    if (await runLab({ lab, ...place, terminal }, signal)) say(`Clean up with:\n${lab.cleanup}`);
  } finally {
    lines.close();
  }
}

async function test(chosen: readonly Lab[], { name, timeout }: LabOptions): Promise<void> {
  using place = await openPlace(name, commandSignal(timeout * chosen.length));
  for (const lab of chosen) {
    const isProven = await testLab(
      {
        lab,
        ...place,
        onStep({ step, durationMs, finding, heldBefore }) {
          const head = `${String(durationMs).padStart(6)} ms  ${lab.name}: ${step}`;
          const trouble = heldBefore ? "  the check holds before anything was done\n" : "";
          process.stdout.write(`${head}\n${trouble}${describe(finding)}\n`);
        },
      },
      commandSignal(timeout),
    );
    if (!isProven) process.exitCode = EXIT_CODES.failed;
  }
}

interface Place extends Disposable {
  readonly status: ClusterStatus;
  readonly world: LabWorld;
  readonly shell: LabShell;
}

async function openPlace(name: string, signal: AbortSignal): Promise<Place> {
  requireRoot("Cannot work in a lab");
  const status = await clusterStatus(name, signal);
  const client = createHttpClient(loadKubeconfig(status.kubeconfig), { userAgent: "podwire-lab" });
  const pids = new Map(status.nodes.map((node) => [node.name, node.initPid]));
  return {
    status,
    world: {
      client,
      access: (accessSignal) => openClusterAccess(name, accessSignal),
      nodeFile: (node, path) => `/proc/${pids.get(node) ?? 0}/root${path}`,
    },
    shell: {
      environment: {
        ...Object.fromEntries(status.nodes.map((node, index) => [`NODE${index + 1}`, node.name])),
        KUBECONFIG: status.kubeconfig,
        PODWIRE_CLUSTER: name,
        PATH: [projectRoot, process.env["PATH"] ?? ""].join(delimiter),
        ...Object.fromEntries(Object.entries(process.env).filter(([key]) => PASSED_ON.includes(key))),
      },
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}
