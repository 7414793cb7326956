/** What runs on a node besides pods, each of them a process of its own that can be killed and started alone. */
import { statSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { statePaths } from "#agent/state-paths.ts";
import { createCriClient } from "#cri/cri-client.ts";
import { waitForCri } from "../containerd.ts";
import { endOrphanedShims, listShims } from "../end-orphaned-shims.ts";
import { endStaleLeases } from "../end-stale-leases.ts";
import { NODE_PODWIRE } from "../node-agent.ts";
import type { NodeMachine } from "../node-machine.ts";
import { NODE_FILES_DIR } from "../node-root.ts";
import { NODE_PATH } from "../node-sandbox.ts";
import { waitForLogLine } from "../wait-for-log-line.ts";
import { waitForSocket } from "../wait-for-socket.ts";
import { CLUSTER_DOMAIN, type ClusterSpec, dnsAddresses } from "./cluster-spec.ts";
import { type Component, type ComponentProcess, spawnInNode } from "./component.ts";
import { untilReady } from "./control-components.ts";
import { AGENT_KUBECONFIG, KUBELET_CONFIG } from "./node-identity.ts";

export interface NodeProgramOptions {
  readonly machine: NodeMachine;
  /** Of this node's logs. */
  readonly logDir: string;
}

/** Ready when CRI serves calls. */
export function containerdComponent(options: NodeProgramOptions): Component {
  const { machine } = options;
  const { criSocket } = machine;
  return {
    name: "containerd",
    async start(signal) {
      const earlier = await listShims(machine);
      const startedAt = new Date();
      const program = await spawn(options, "containerd", [
        "containerd",
        "--config",
        `${NODE_FILES_DIR}/containerd.toml`,
      ]);
      using cri = createCriClient(criSocket);
      await untilReady(program, (waiting) => waitForCri(criSocket, cri, waiting), signal);
      await endOrphanedShims(machine, cri, earlier, signal);
      await endStaleLeases(cri, startedAt, signal);
      return program;
    },
  };
}

/** Started; whether its node is ready is seen at the API. */
export function kubeletComponent(options: NodeProgramOptions): Component {
  return {
    name: "kubelet",
    start: () => spawn(options, "kubelet", [...NODE_PODWIRE, "kubelet", "--config", KUBELET_CONFIG]),
  };
}

/** To be asked before the kubelet starts; resolves when it has written its node to the API. */
export function kubeletRegistration(options: NodeProgramOptions): (signal: AbortSignal) => Promise<void> {
  const path = logPathOf(options, "kubelet");
  const offset = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return (signal) => waitForLogLine({ path, offset, pattern: / kubelet ready / }, signal);
}

export interface AgentProgramOptions extends NodeProgramOptions {
  readonly spec: Pick<ClusterSpec, "serviceProxy" | "serviceCidrs" | "policy" | "established">;
}

/** Ready when its socket accepts. */
export function agentComponent(options: AgentProgramOptions): Component {
  const { machine, spec } = options;
  const argv = [
    ...[...NODE_PODWIRE, "agent", "--kubeconfig", AGENT_KUBECONFIG, "--node-name", machine.name],
    ...["--policy", spec.policy, "--established", spec.established],
    ...["--service-proxy", spec.serviceProxy, "--service-cidr", spec.serviceCidrs.join(",")],
  ];
  return {
    name: "agent",
    async start(signal) {
      const { socket } = statePaths({ inode: (await stat(machine.netnsPath)).ino }, {});
      const path = machine.rootPath + socket;
      // The folder is watched from before the agent makes its socket there; 0700 as the agent makes it.
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const program = await spawn(options, "agent", argv);
      await untilReady(program, (waiting) => waitForSocket(path, waiting), signal);
      return program;
    },
  };
}

export interface DnsProgramOptions extends NodeProgramOptions {
  readonly spec: Pick<ClusterSpec, "serviceCidrs" | "dnsUpstream">;
}

/** Started; it serves as soon as it knows the cluster's objects. */
export function dnsComponent(options: DnsProgramOptions): Component {
  const { machine, spec } = options;
  const argv = [
    ...[...NODE_PODWIRE, "dns", "--kubeconfig", AGENT_KUBECONFIG, "--node-name", machine.name],
    ...["--domain", CLUSTER_DOMAIN],
    ...["--address", dnsAddresses(spec).join(","), "--dns-upstream", spec.dnsUpstream.join(",") || "none"],
  ];
  return { name: "dns", start: () => spawn(options, "dns", argv) };
}

function spawn(options: NodeProgramOptions, name: string, argv: readonly string[]): Promise<ComponentProcess> {
  const { machine } = options;
  return spawnInNode({
    name,
    argv: machine.daemon(argv),
    environment: { PATH: NODE_PATH },
    logPath: logPathOf(options, name),
  });
}

function logPathOf({ logDir }: NodeProgramOptions, name: string): string {
  return join(logDir, `${name}.log`);
}
