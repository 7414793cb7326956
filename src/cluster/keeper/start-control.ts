/** The control plane of a cluster as a supervised program, and our own client of it. */
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { createHttpClient } from "#api-client/http-client.ts";
import type { Informer } from "#api-client/informer.ts";
import type { IpAddress } from "#base/ip-address.ts";
import type { Log } from "#base/log.ts";
import { writeKubeconfig } from "#control-plane/pki/kubeconfig.ts";
import { openPki, type Pki } from "#control-plane/pki/open-pki.ts";
import { serverNamesOf } from "#control-plane/pki/server-names.ts";
import { createNodeCgroups } from "../cgroups.ts";
import type { ClusterPaths } from "../cluster-paths.ts";
import { cgroupName } from "../node-machine.ts";
import { NODE_PATH } from "../node-sandbox.ts";
import { ensureClusterObjects } from "./cluster-objects.ts";
import type { ClusterSpec } from "./cluster-spec.ts";
import { API_PORT, controlPlaneComponent, etcdComponent } from "./control-components.ts";
import { type Supervised, supervise } from "./supervise.ts";

export interface ControlPlaneOptions {
  readonly spec: ClusterSpec;
  readonly paths: ClusterPaths;
  /** Command line of Podwire itself. */
  readonly podwire: readonly string[];
  /** Where it serves, and what the cluster is reached by. */
  readonly address: IpAddress;
  readonly log: Log;
}

export interface ControlPlane extends AsyncDisposable {
  readonly parts: readonly Supervised[];
  /** The administrator's. */
  readonly client: ApiClient;
  readonly nodes: Informer<Node>;
}

export function apiServerUrl(address: IpAddress): string {
  return `https://${address}:${API_PORT}`;
}

/** Certificates first: the control plane then finds what it would have to make, and nodes need not wait for it. */
export async function prepareControlPlane({ spec, paths, address }: ControlPlaneOptions): Promise<Pki> {
  const serverNames = serverNamesOf({ host: address, port: API_PORT }, []);
  const directory = join(paths.controlPlane, "pki");
  const pki = await openPki({ directory, serverNames, now: () => new Date() });
  await writeKubeconfig(paths.kubeconfig, {
    server: apiServerUrl(address),
    certificateAuthority: pki.certificateAuthority,
    clusterName: spec.name,
    userName: "admin",
    credentials: { type: "certificate", pair: pki.admin },
  });
  return pki;
}

/** Resolves when the API serves and has what nodes need there. */
export async function startControl(options: ControlPlaneOptions, pki: Pki, signal: AbortSignal): Promise<ControlPlane> {
  const { spec, paths, podwire, address, log } = options;
  await using cleanup = new AsyncDisposableStack();
  const cgroups = cleanup.use(await createNodeCgroups(controlCgroup(paths)));
  const surroundings = { environment: { PATH: NODE_PATH }, inCgroups: cgroups.inSystem, logDir: paths.logs };
  const parts: Supervised[] = [];
  cleanup.defer(async () => {
    for (const part of parts.toReversed()) await part.stop("SIGTERM");
  });
  if (spec.store === "etcd") {
    const etcd = etcdComponent({ ...surroundings, port: etcdPort(address), dataDir: paths.etcd });
    parts.push(await supervise(etcd, { log }, signal));
  }
  const storeUrl = spec.store === "etcd" ? `etcd://127.0.0.1:${etcdPort(address)}` : spec.store;
  const controlPlane = { ...surroundings, spec, podwire, address, storeUrl, dataDir: paths.controlPlane };
  parts.push(await supervise(controlPlaneComponent(controlPlane), { log }, signal));

  const client = cleanup.use(
    createHttpClient(
      {
        server: apiServerUrl(address),
        ca: pki.certificateAuthority,
        certificate: pki.admin.certificate,
        key: pki.admin.key,
        tlsServerName: undefined,
        token: undefined,
      },
      { userAgent: "podwire-keeper" },
    ),
  );
  await ensureClusterObjects(client, spec, signal);
  const onError = (error: unknown): void => log.error("nodes cannot be followed", { error: String(error) });
  const nodes = cleanup.use(createInformer({ client, kind: nodeKind, onError }));
  const owned = cleanup.move();
  return { parts, client, nodes, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

export function controlCgroup(paths: ClusterPaths): string {
  return cgroupName(`${basename(paths.stateDir)}-control`, paths.stateDir);
}

/** What belongs to a cluster that is gone. */
export async function removeControlTraces(paths: ClusterPaths): Promise<void> {
  await using _cgroups = await createNodeCgroups(controlCgroup(paths));
  await rm(paths.stateDir, { recursive: true, force: true });
}

/** Different for each cluster of a machine, as its underlay's subnet is. */
function etcdPort(address: IpAddress): number {
  const FIRST = 32_379;
  return FIRST + 2 * Number(address.split(".")[2]);
}
