/**
 * A node's own control groups: `/<parent>` with `system` for the node's daemons and `pods` for its pods, in every
 * hierarchy of the machine (v1, v2, or both). runc makes the groups of pods and never removes their parents, so
 * removal here takes whole trees. Sources: Documentation/admin-guide/cgroup-v1/cgroups.rst and cgroup-v2.rst.
 */
import { mkdir, readdir, readFile, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { processEnd } from "#kernel/process-end.ts";

export interface CgroupHierarchy {
  readonly mountPoint: string;
  /** v1 only: ["cpu", "cpuacct"]; empty for v2. */
  readonly controllers: readonly string[];
}

const CGROUP_ROOT = "/sys/fs/cgroup";

/** A shell joins the groups before `--` ("0" is the writer itself) and becomes the program behind it. */
const JOIN_AND_RUN = 'while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs"; shift; done; shift; exec "$@"';

/** Reads /proc/self/mountinfo. */
export async function observeCgroupHierarchies(): Promise<readonly CgroupHierarchy[]> {
  return parseCgroupHierarchies(await readFile("/proc/self/mountinfo", "utf8"));
}

/** Source: proc_pid_mountinfo(5). Hierarchies elsewhere than at the usual place are not for us. */
export function parseCgroupHierarchies(mountinfo: string): readonly CgroupHierarchy[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const mountPoint = before.split(" ")[4] ?? "";
    const [fsType, , options = ""] = after.split(" ");
    if (mountPoint !== CGROUP_ROOT && !mountPoint.startsWith(`${CGROUP_ROOT}/`)) return [];
    if (fsType === "cgroup2") return [{ mountPoint, controllers: [] }];
    if (fsType !== "cgroup") return [];
    return [{ mountPoint, controllers: options.split(",").filter((option) => option !== "rw" && option !== "ro") }];
  });
}

export interface NodeCgroups extends AsyncDisposable {
  /** For CRI: where the cgroups of pods belong, as seen from the root of each hierarchy. */
  readonly podParent: string;
  /** Arguments that run `argv` with the node's daemons. */
  inSystem(argv: readonly string[]): readonly string[];
}

/**
 * Makes `/<name>` after removing what a crashed node of the same name left.
 * Rejects if processes run there: then the node is alive.
 */
export async function createNodeCgroups(name: string): Promise<NodeCgroups> {
  const hierarchies = await observeCgroupHierarchies();
  if (hierarchies.length === 0) {
    throw new Error(`Cannot create control groups: there is no cgroup file system at "${CGROUP_ROOT}"`);
  }
  const folders = hierarchies.map(({ mountPoint }) => join(mountPoint, name));
  await removeTrees(folders);
  // A new cpuset has no CPUs and takes no process until it is given some; nothing limits the daemons' CPUs.
  const systems = hierarchies
    .filter(({ controllers }) => !controllers.includes("cpuset"))
    .map(({ mountPoint }) => join(mountPoint, name, "system"));
  try {
    await Promise.all(systems.map((folder) => mkdir(folder, { recursive: true })));
  } catch (error) {
    await removeTrees(folders);
    throw error;
  }
  return {
    podParent: `/${name}/pods`,
    inSystem: (argv) => ["sh", "-euc", JOIN_AND_RUN, "sh", ...systems, "--", ...argv],
    [Symbol.asyncDispose]: () => removeTrees(folders),
  };
}

/**
 * Kills every process in `/<name>` and resolves when none is left, so that the groups can be removed: what a node whose
 * keeper was killed still has. Processes that are dying are waited for as well.
 */
export async function endCgroupProcesses(name: string, signal: AbortSignal): Promise<void> {
  const folders = (await observeCgroupHierarchies()).map(({ mountPoint }) => join(mountPoint, name));
  for (;;) {
    const pids = new Set((await Promise.all(folders.map(processesOf))).flat());
    if (pids.size === 0) return;
    // How the kernel shows processes of other PID namespaces.
    if (pids.has(0))
      throw new Error(`Cannot end the processes of control group "${name}": some are not to be seen here`);
    for (const pid of pids) killIfAlive(pid);
    await Promise.all([...pids].map((pid) => processEnd(pid, signal)));
  }
}

/** Ends what runs in `/<name>` and removes it from every hierarchy. Nothing happens where it is not. */
export async function endCgroup(name: string, signal: AbortSignal): Promise<void> {
  await endCgroupProcesses(name, signal);
  await removeTrees((await observeCgroupHierarchies()).map(({ mountPoint }) => join(mountPoint, name)));
}

async function processesOf(folder: string): Promise<readonly number[]> {
  try {
    const [text, children] = await Promise.all([
      readFile(join(folder, "cgroup.procs"), "utf8"),
      readdir(folder, { withFileTypes: true }),
    ]);
    const below = children.filter((child) => child.isDirectory()).map((child) => processesOf(join(folder, child.name)));
    return [...text.split("\n").filter(Boolean).map(Number), ...(await Promise.all(below)).flat()];
  } catch (error) {
    // ENODEV: removed while it was read.
    if (isGone(error)) return [];
    throw error;
  }
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENODEV");
}

async function removeTrees(folders: readonly string[]): Promise<void> {
  await Promise.all(folders.map(removeTree));
}

/** Children first; only folders can be removed in a cgroup file system. */
async function removeTree(folder: string): Promise<void> {
  try {
    const children = await readdir(folder, { withFileTypes: true });
    await Promise.all(
      children.filter((child) => child.isDirectory()).map((child) => removeTree(join(folder, child.name))),
    );
    await rmdir(folder);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT") return; // Gone already, or never made in this hierarchy.
    if (code === "EBUSY") throw new Error(`Cannot remove control group "${folder}": processes run in it`, { cause });
    throw cause;
  }
}
