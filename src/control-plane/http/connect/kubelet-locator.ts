/** Where a node's kubelet listens. Source: Kubernetes API reference, Node v1 (addresses, daemonEndpoints). */
import { internalError } from "#api/api-error.ts";
import type { Node } from "#api/kinds/node.ts";

export interface KubeletAddress {
  readonly host: string;
  readonly port: number;
}

export interface KubeletLocator {
  /** Rejects with ApiError. */
  locate(nodeName: string, signal: AbortSignal): Promise<KubeletAddress>;
}

export interface NodeReader {
  /** Rejects with ApiError 404 when there is none. */
  getNode(name: string, signal: AbortSignal): Promise<Node>;
}

const DEFAULT_KUBELET_PORT = 10250;

/** Best first, as kubeadm tells API servers. */
const ADDRESS_TYPES: readonly string[] = ["InternalIP", "ExternalIP", "Hostname"];

export function createKubeletLocator({ getNode }: NodeReader): KubeletLocator {
  return {
    async locate(nodeName, signal) {
      return kubeletAddressOf(await getNode(nodeName, signal));
    },
  };
}

export function kubeletAddressOf({ metadata, status }: Node): KubeletAddress {
  const addresses = status?.addresses ?? [];
  const [host] = ADDRESS_TYPES.flatMap((type) => addresses.filter((address) => address.type === type));
  if (host === undefined) {
    throw internalError(`no preferred addresses found for node ${JSON.stringify(metadata.name)}; known addresses: []`);
  }
  // A zero means that the kubelet has not said.
  return { host: host.address, port: status?.daemonEndpoints?.kubeletEndpoint?.Port || DEFAULT_KUBELET_PORT };
}
