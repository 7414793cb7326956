/** Who takes part, and how each is started. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Mode, modes } from "./plan.ts";
import type { WorkerOptions } from "./worker-protocol.ts";

export const contestantNames = ["reference", "podwire", "podwire-no-agent", "kernel"] as const;
export type ContestantName = (typeof contestantNames)[number];
/** The one that all others are compared with. */
export const REFERENCE = "reference";

export interface Contestant {
  readonly name: ContestantName;
  readonly title: string;
  readonly version: string;
  readonly modes: readonly Mode[];
  readonly worker: WorkerOptions;
}

export interface ContestantOptions {
  readonly names: readonly ContestantName[];
  readonly referenceDir: string;
  /** Folder with our launchers; see install-ours.ts. */
  readonly ourDir: string;
  readonly ourVersion: string;
  /** Command line that runs our agent. */
  readonly agentArgv: readonly string[];
  /** On a disk, as /var/lib is: what a contestant writes safely costs what it costs on a node. */
  readonly stateDir: string;
}

/** Inside the private /run of each worker. */
const RUN_DIR = "/run/podwire";

export function createContestants(options: ContestantOptions): readonly Contestant[] {
  return options.names.map((name) => createContestant(name, options));
}

function createContestant(name: ContestantName, options: ContestantOptions): Contestant {
  const { referenceDir, ourDir, ourVersion, agentArgv } = options;
  const stateDir = join(options.stateDir, name);
  mkdirSync(stateDir, { recursive: true });
  const environment = { PODWIRE_RUN_DIR: RUN_DIR, PODWIRE_STATE_DIR: join(stateDir, "state") };
  const plugins = { binDir: ourDir, environment };
  const ours = { name, version: ourVersion, modes };
  switch (name) {
    case "reference":
      return {
        name,
        title: `reference plugins in ${referenceDir}`,
        version: referenceVersion(referenceDir),
        modes,
        worker: { plugins: { binDir: referenceDir, environment: {} }, stateDir },
      };
    case "podwire": {
      const agent = { argv: agentArgv, socketFolder: RUN_DIR };
      return { ...ours, title: "Podwire with its agent", worker: { plugins, stateDir, agent } };
    }
    case "podwire-no-agent": {
      const title = "Podwire without an agent: a Node process for each verb";
      return { ...ours, title, worker: { plugins, stateDir } };
    }
    case "kernel": {
      const title = "the same kernel objects by bare netlink messages, no plugin";
      return { name, title, version: "", modes: ["sequential"], worker: { plugins: "kernel", stateDir } };
    }
  }
}

const NEEDED_PLUGINS = ["bridge", "host-local", "portmap"];

/** Names of plugins that are not there. */
export function missingPlugins(folder: string): readonly string[] {
  return NEEDED_PLUGINS.filter((name) => !existsSync(join(folder, name)));
}

/** Without CNI_COMMAND a plugin says its version on stderr; Debian's do not know theirs, but their package does. */
function referenceVersion(folder: string): string {
  const bridge = join(folder, "bridge");
  const own = /v\d[\w.+~-]*/.exec(outputOf(bridge).stderr)?.[0];
  const owner = own === undefined ? outputOf("dpkg-query", "-S", bridge).stdout.split(":")[0] : "";
  return own ?? (owner ? outputOf("dpkg-query", "-W", owner).stdout.trim().replace("\t", " ") : "unknown");
}

/** Empty where the program is missing. */
function outputOf(program: string, ...args: readonly string[]): { readonly stdout: string; readonly stderr: string } {
  const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8", input: "", env: { PATH: "/usr/bin:/bin" } });
  return { stdout: stdout ?? "", stderr: stderr ?? "" };
}
