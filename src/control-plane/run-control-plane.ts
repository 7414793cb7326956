/** `podwire control-plane`: the control plane of one cluster until it is told to stop. */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { boundHeap } from "#base/bound-heap.ts";
import { type Prefix, parseAddress } from "#base/ip-address.ts";
import type { Log } from "#base/log.ts";
import { clusterControllers } from "./controllers/cluster-controllers.ts";
import { workloadControllers } from "./controllers/workload-controllers.ts";
import type { Listen } from "./http/start-listener.ts";
import { type LeaderElectionOptions, startLeaderElection } from "./leader/start-leader-election.ts";
import { openStore } from "./open-store.ts";
import { writeKubeconfig } from "./pki/kubeconfig.ts";
import type { Pki } from "./pki/open-pki.ts";
import { createLocalClient } from "./resources/local-client.ts";
import { schedulerController } from "./scheduler/scheduler-controller.ts";
import { startControlPlane } from "./start-control-plane.ts";
import { type ControlProgram, startLeading } from "./start-leading.ts";
import type { Store } from "./store/store.ts";

export interface RunOptions {
  readonly listen: Listen;
  readonly dataDirectory: string;
  /** Written for the administrator. */
  readonly kubeconfigPath: string;
  /** "sqlite", or "etcd://HOST:PORT,…". */
  readonly storeUrl: string;
  readonly clusterName: string;
  readonly podCidrs: readonly Prefix[];
  readonly serviceCidrs: readonly Prefix[];
  /** What Services of type LoadBalancer get their addresses from. Default: nothing. */
  readonly loadBalancerPools?: readonly Prefix[];
  readonly serverNames: readonly string[];
  readonly podwireVersion: string;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** How soon another control plane takes over from one that is gone. */
  readonly election?: Pick<LeaderElectionOptions, "leaseDurationMs" | "renewDeadlineMs" | "retryPeriodMs">;
  /** What is between this control plane and its store, for whoever wants to see its calls. */
  readonly throughStore?: (store: Store) => Store;
  /** The API answers; controllers begin to run. */
  onReady(url: string): void;
}

export async function runControlPlane(options: RunOptions): Promise<void> {
  const { listen, dataDirectory, log, podCidrs, serviceCidrs, signal } = options;
  using _bound = boundHeap();
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  await using stack = new AsyncDisposableStack();
  const opened = await openStore(options.storeUrl, dataDirectory);
  const store = options.throughStore?.(opened) ?? opened;
  const controlPlane = stack.use(
    await startControlPlane({
      listen,
      dataDirectory,
      store,
      serverNames: options.serverNames,
      serviceCidrs,
      staticTokens: [],
      defaultAccountWaitMs: ACCOUNT_WAIT_MS,
      podwireVersion: options.podwireVersion,
      log,
      onCertificatesRenewed: (renewed) => writeAdminKubeconfig(renewed),
    }),
  );
  const { pki, registry, resourceApi, server } = controlPlane;
  const url = `https://${server.host.includes(":") ? `[${server.host}]` : server.host}:${server.port}`;
  const writeAdminKubeconfig = ({ certificateAuthority, admin }: Pki): Promise<void> =>
    writeKubeconfig(options.kubeconfigPath, {
      server: url,
      certificateAuthority,
      clusterName: options.clusterName,
      userName: "admin",
      credentials: { type: "certificate", pair: admin },
    });
  await writeAdminKubeconfig(pki);

  const controllerUser = "system:kube-controller-manager";
  const programs: readonly ControlProgram[] = [
    {
      user: controllerUser,
      controllers: [
        ...workloadControllers,
        ...clusterControllers({
          kinds: registry,
          apiServers: isIP(server.host) === 0 ? [] : [{ address: parseAddress(server.host), port: server.port }],
          caCertificate: pki.certificateAuthority,
          serviceCidrs,
          clusterCidrs: podCidrs,
          loadBalancerPools: options.loadBalancerPools,
        }),
      ],
    },
    { user: "system:kube-scheduler", controllers: [schedulerController] },
  ];
  stack.use(
    startLeaderElection({
      identity: `${hostname()}_${randomUUID()}`,
      store,
      client: createLocalClient({
        api: resourceApi,
        kinds: registry,
        user: { name: controllerUser, groups: ["system:authenticated"] },
      }),
      lease: { namespace: "kube-system", name: "podwire-control-plane" },
      lead: (term) => startLeading({ resourceApi, registry, log }, programs, term),
      log,
      // A SQLite file has one user: whoever else held the lease is gone.
      isAlone: options.storeUrl === "sqlite",
      ...options.election,
    }),
  );
  log.info("control plane ready", { url });
  options.onReady(url);
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  log.info("control plane stops");
}

/** A new namespace has its default service account long before. */
const ACCOUNT_WAIT_MS = 3_000;
