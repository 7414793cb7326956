/** What a kubelet is told when it starts. Times, sizes and names have the defaults of Kubernetes' kubelet, or say theirs. */
import type { ApiClient } from "#api-client/api-client.ts";
import type { Log } from "#base/log.ts";
import type { ImageLimits } from "./images/plan-image-removal.ts";
import type { LogLimits } from "./logs/create-log-rotator.ts";

export interface KubeletOptions {
  readonly client: ApiClient;
  readonly criSocket: string;
  readonly nodeName: string;
  /** One for each family, the main one first. */
  readonly nodeIps: readonly string[];
  /** "/var/lib/kubelet" */
  readonly stateRoot: string;
  /** "/var/log/pods" */
  readonly logRoot: string;
  readonly cgroupParent: string;
  /** Name servers of the cluster; none: pods ask the node's. */
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  readonly maxPods: number;
  /** How many pods the runtime starts or removes at a time. */
  readonly parallelStarts: number;
  /** How many images are pulled at a time. Default: 2. */
  readonly parallelPulls?: number;
  /** Where the runtime looks for networks. Default: "/etc/cni/net.d". */
  readonly cniConfDir?: string;
  /** Default: 10 MiB, 5 files. */
  readonly containerLogs?: LogLimits;
  /** When images that nobody uses are removed. Default: never, as nodes of one machine share its disk. */
  readonly imageGarbage?: ImageLimits;
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly tls: { readonly certificate: string; readonly key: string; readonly clientCa: string };
    /** Common names of clients that may ask; by default API servers. */
    readonly clientNames?: readonly string[];
  };
  /** "v1.32.0-podwire" */
  readonly version: string;
  readonly log: Log;
}

export interface Kubelet extends AsyncDisposable {
  readonly port: number;
  /** The node is at the API. */
  readonly registered: Promise<void>;
}
