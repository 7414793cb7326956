/**
 * Where a cluster on this machine keeps things. What lives with its keeper is in /run, the rest in /var/lib:
 *
 *   /run/podwire/clusters/NAME/       keeper.sock; the folder's lock is the keeper's
 *   /var/lib/podwire/clusters/NAME/   cluster.json, kubeconfig, control-plane/, nodes/, disks/, logs/, images/
 */
import { join } from "node:path";
import { ClusterError } from "./cluster-error.ts";

export interface ClusterPaths {
  readonly runDir: string;
  readonly socket: string;
  readonly stateDir: string;
  readonly spec: string;
  readonly kubeconfig: string;
  readonly controlPlane: string;
  readonly etcd: string;
  readonly nodes: string;
  readonly disks: string;
  readonly images: string;
  readonly logs: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function clusterFolders(environment: Environment): { readonly run: string; readonly state: string } {
  return {
    run: join(environment["PODWIRE_RUN_DIR"] || "/run/podwire", "clusters"),
    state: join(environment["PODWIRE_STATE_DIR"] || "/var/lib/podwire", "clusters"),
  };
}

/** Node names are NAME-NUMBER and DNS labels; the socket's path must stay below 108 bytes. */
const MAX_NAME = 40;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
export const NAME_RULE = `it must be 1 to ${MAX_NAME} of a-z, 0-9 and "-", and begin and end with a letter or digit`;

export function isClusterName(name: string): boolean {
  return name.length <= MAX_NAME && DNS_LABEL.test(name);
}

/** Throws ClusterError for what is no name: it would be a path to somewhere else. */
export function clusterPaths(name: string, environment: Environment): ClusterPaths {
  if (!isClusterName(name))
    throw new ClusterError("usage", { what: `"${name}" is no name of a cluster`, why: NAME_RULE });
  const { run, state } = clusterFolders(environment);
  const runDir = join(run, name);
  const stateDir = join(state, name);
  return {
    runDir,
    socket: join(runDir, "keeper.sock"),
    stateDir,
    spec: join(stateDir, "cluster.json"),
    kubeconfig: join(stateDir, "kubeconfig"),
    controlPlane: join(stateDir, "control-plane"),
    etcd: join(stateDir, "etcd"),
    nodes: join(stateDir, "nodes"),
    disks: join(stateDir, "disks"),
    images: join(stateDir, "images"),
    logs: join(stateDir, "logs"),
  };
}
