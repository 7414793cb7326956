/**
 * Who a node is to the API and to its clients: the kubelet's and the agent's certificates, written into the node's own
 * file tree where kubeadm puts them, and the kubelet's configuration. Nothing of it outlives the node.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { kubeconfigText } from "#control-plane/pki/kubeconfig.ts";
import type { Pki } from "#control-plane/pki/open-pki.ts";
import type { KubeletConfig } from "#kubelet/run-kubelet.ts";
import { CONTAINERD_SOCKET } from "../containerd-config.ts";
import { CLUSTER_DOMAIN } from "./cluster-spec.ts";

export interface NodeIdentityOptions {
  readonly pki: Pick<Pki, "issueClient" | "issueServing" | "certificateAuthority">;
  readonly clusterName: string;
  /** URL of the API server. */
  readonly server: string;
  readonly nodeName: string;
  /** The main one first. */
  readonly addresses: readonly string[];
  readonly podCgroupParent: string;
  /** Name servers of its pods; none: those of the node. */
  readonly clusterDns: readonly string[];
  readonly version: string;
}

/** Inside the node. */
export const KUBELET_CONFIG = "/var/lib/kubelet/config.json";
export const AGENT_KUBECONFIG = "/etc/kubernetes/podwire-agent.conf";
const KUBELET_KUBECONFIG = "/etc/kubernetes/kubelet.conf";
const AUTHORITY = "/etc/kubernetes/pki/ca.crt";
const SERVING_CERTIFICATE = "/var/lib/kubelet/pki/kubelet.crt";
const SERVING_KEY = "/var/lib/kubelet/pki/kubelet.key";
const KUBELET_PORT = 10_250;
const MAX_PODS = 110;
/** More of them at a time gain nothing: containerd's own limit is the CPU. */
const PARALLEL_STARTS = 4;

export interface NodeFile {
  /** Inside the node. */
  readonly path: string;
  readonly content: string;
}

export async function issueNodeIdentity(options: NodeIdentityOptions): Promise<readonly NodeFile[]> {
  const { pki, nodeName, addresses } = options;
  const kubelet = { commonName: `system:node:${nodeName}`, organizations: ["system:nodes"] };
  const agent = { commonName: `podwire:agent:${nodeName}`, organizations: ["podwire:agents"] };
  const [kubeletClient, agentClient, serving] = await Promise.all([
    pki.issueClient(kubelet),
    pki.issueClient(agent),
    pki.issueServing({ ...kubelet, serverNames: [nodeName, ...addresses] }),
  ]);
  const kubeconfig = (userName: string, pair: typeof kubeletClient): string =>
    kubeconfigText({
      server: options.server,
      certificateAuthority: pki.certificateAuthority,
      clusterName: options.clusterName,
      userName,
      credentials: { type: "certificate", pair },
    });
  return [
    { path: KUBELET_KUBECONFIG, content: kubeconfig(kubelet.commonName, kubeletClient) },
    { path: AGENT_KUBECONFIG, content: kubeconfig(agent.commonName, agentClient) },
    { path: AUTHORITY, content: pki.certificateAuthority },
    { path: SERVING_CERTIFICATE, content: serving.certificate },
    { path: SERVING_KEY, content: serving.key },
    { path: KUBELET_CONFIG, content: `${JSON.stringify(kubeletConfig(options), undefined, 2)}\n` },
  ];
}

/** `rootPath`: the node's file tree, as seen from here. */
export async function writeNodeIdentity(rootPath: string, files: readonly NodeFile[]): Promise<void> {
  await Promise.all(
    files.map(async ({ path, content }) => {
      await mkdir(dirname(rootPath + path), { recursive: true, mode: 0o755 });
      await writeFile(rootPath + path, content, { mode: 0o600 });
    }),
  );
}

function kubeletConfig({
  nodeName,
  addresses,
  podCgroupParent,
  clusterDns,
  version,
}: NodeIdentityOptions): KubeletConfig {
  const [host = ""] = addresses;
  return {
    kubeconfig: KUBELET_KUBECONFIG,
    criSocket: CONTAINERD_SOCKET,
    nodeName,
    nodeIps: addresses,
    stateRoot: "/var/lib/kubelet",
    logRoot: "/var/log/pods",
    cgroupParent: podCgroupParent,
    clusterDns,
    clusterDomain: CLUSTER_DOMAIN,
    maxPods: MAX_PODS,
    parallelStarts: PARALLEL_STARTS,
    version,
    server: { host, port: KUBELET_PORT, certificate: SERVING_CERTIFICATE, key: SERVING_KEY, clientCa: AUTHORITY },
  };
}
