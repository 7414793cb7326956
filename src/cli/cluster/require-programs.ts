/** Whether this machine has the programs that a cluster here runs; what is missing is named with its Debian package. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ClusterSpec } from "#cluster/keeper/cluster-spec.ts";
import { NODE_PATH } from "#cluster/node-sandbox.ts";
import { CliError } from "../cli-error.ts";

/** Program and package. */
const PROGRAMS: Readonly<Record<string, string>> = {
  containerd: "containerd",
  runc: "runc",
  unshare: "util-linux",
  nsenter: "util-linux",
  setpriv: "util-linux",
  mount: "mount",
  busybox: "busybox-static",
};

/** Throws a CliError that says what to install. */
export function requirePrograms({ store }: Pick<ClusterSpec, "store">, exists = existsOnPath): void {
  const wanted = { ...PROGRAMS, ...(store === "etcd" && { etcd: "etcd-server" }) };
  const missing = Object.entries(wanted).filter(([program]) => !exists(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, name]) => name))].join(" ");
  throw new CliError("machine", {
    what: "This machine cannot run a cluster",
    why: `missing programs: ${missing.map(([program]) => program).join(", ")}`,
    evidence: `looked in ${NODE_PATH}`,
    next: `run: apt-get install -y --no-install-recommends ${packages}`,
  });
}

function existsOnPath(program: string): boolean {
  return NODE_PATH.split(":").some((folder) => existsSync(join(folder, program)));
}
