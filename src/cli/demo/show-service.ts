/**
 * The demo's Service: made, awaited on every node, reached in every way, and reached all the time while all its pods are
 * replaced one after the other.
 */
import { waitUntilProgrammed } from "#agent/services/wait-until-programmed.ts";
import { isApiError } from "#api/api-error.ts";
import { type Deployment, deployment as deploymentKind } from "#api/kinds/deployment.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { type Service, service as serviceKind } from "#api/kinds/service/service.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { type IpAddress, parseAddress } from "#base/ip-address.ts";
import { askHttp, type HttpLoadReport, startHttpLoad } from "#check/http-load.ts";
import { resolveName } from "#check/resolve-name.ts";
import { CLUSTER_DOMAIN } from "#cluster/keeper/cluster-spec.ts";
import { openNetns } from "#kernel/netns/netns.ts";
import type { AccessPod, ClusterAccess } from "#trace/cluster-access.ts";
import { CliError } from "../cli-error.ts";
import { CLIENT, NAMESPACE, WEB } from "./workloads.ts";

/** One way to the Service, and whether an answer came. */
export interface ServiceVisit {
  readonly from: string;
  readonly url: string;
  readonly answered: boolean;
  readonly why?: string | undefined;
}

export interface ServiceReport {
  readonly clusterIP: string;
  readonly nodePort: number;
  readonly endpoints: number;
  /** From the question to the answers of all nodes. */
  readonly programmedMs: number;
  readonly visits: readonly ServiceVisit[];
  /** Undefined when no load was wanted. */
  readonly rollingUpdate: HttpLoadReport | undefined;
}

export interface ShowServiceOptions {
  readonly client: ApiClient;
  readonly access: ClusterAccess;
  /** The cluster's name server; undefined when nobody serves names. */
  readonly nameServer: IpAddress | undefined;
  /** How long the load lasts at least; 0: none. */
  readonly loadSeconds: number;
  readonly signal: AbortSignal;
}

const PORT = 80;
const REQUESTS_PER_SECOND = 1_000;
const SERVICE_NAME = `${WEB}.${NAMESPACE}.svc.${CLUSTER_DOMAIN}`;
const RESTARTED_AT = "podwire.io/restarted-at";

/** `podwire up --service-proxy none`: nobody translates Services. */
export async function showService(options: ShowServiceOptions): Promise<ServiceReport> {
  const { client, access, nameServer, loadSeconds, signal } = options;
  const name = { namespace: NAMESPACE, name: WEB };
  const service = await ensureService(client, signal);
  const startedMs = performance.now();
  const { endpoints } = await waitUntilProgrammed(client, name, signal);
  const programmedMs = Math.round(performance.now() - startedMs);
  const clusterIP = parseAddress(service.spec.clusterIP ?? "");
  const nodePort = service.spec.ports?.[0]?.nodePort ?? 0;
  const from = clientPod(access);
  const places = [
    { from: `pod ${from.name}`, netnsPath: from.netnsPath, address: clusterIP, port: PORT },
    ...access.nodes.slice(0, 1).map(({ name: node, netnsPath }) => ({
      from: `node ${node}`,
      netnsPath,
      address: clusterIP,
      port: PORT,
    })),
    ...access.nodes.flatMap(({ underlayAddresses }) =>
      underlayAddresses.slice(0, 1).map((address) => ({
        from: "outside",
        netnsPath: access.outside?.netnsPath,
        address,
        port: nodePort,
      })),
    ),
  ];
  const visits: ServiceVisit[] = [];
  if (nameServer !== undefined) visits.push(await visitByName(from, nameServer));
  for (const place of places) visits.push(await visit(place));
  const rollingUpdate = loadSeconds > 0 ? await updateUnderLoad(options, from, clusterIP) : undefined;
  return { clusterIP, nodePort, endpoints, programmedMs, visits, rollingUpdate };
}

async function ensureService(client: ApiClient, signal: AbortSignal): Promise<Service> {
  const spec = { type: "NodePort" as const, selector: { app: WEB }, ports: [{ port: PORT, targetPort: PORT }] };
  const metadata = { namespace: NAMESPACE, name: WEB };
  try {
    return await client.create(serviceKind, { metadata, spec }, signal);
  } catch (error) {
    if (!isApiError(error, "AlreadyExists")) throw error;
    return await client.get(serviceKind, metadata, signal);
  }
}

function clientPod({ pods }: ClusterAccess): AccessPod {
  const found = pods.find(({ name, netnsPath }) => name.startsWith(`${CLIENT}-`) && netnsPath !== undefined);
  if (found !== undefined) return found;
  throw new CliError("failed", { what: "The demo's clients have gone", next: "see: kubectl get pods -A" });
}

async function visit(place: {
  readonly from: string;
  readonly netnsPath: string | undefined;
  readonly address: IpAddress;
  readonly port: number;
}): Promise<ServiceVisit> {
  const { from, netnsPath, address, port } = place;
  const url = `http://${address}${port === PORT ? "" : `:${port}`}/`;
  if (netnsPath === undefined) return { from, url, answered: false, why: "it does not run" };
  using netns = openNetns(netnsPath);
  return await askHttp({ netns, address, port }).then(
    () => ({ from, url, answered: true }),
    (error: unknown) => ({ from, url, answered: false, why: error instanceof Error ? error.message : String(error) }),
  );
}

async function visitByName({ name, netnsPath = "" }: AccessPod, server: IpAddress): Promise<ServiceVisit> {
  const visited = { from: `pod ${name}`, url: `http://${SERVICE_NAME}/` };
  using netns = openNetns(netnsPath);
  try {
    const address = await resolveName({ netns, server, name: SERVICE_NAME });
    await askHttp({ netns, address, port: PORT });
    return { ...visited, answered: true };
  } catch (error) {
    return { ...visited, answered: false, why: error instanceof Error ? error.message : String(error) };
  }
}

/** Replaces all web servers while a client asks all the time. */
async function updateUnderLoad(
  { client, loadSeconds, signal }: ShowServiceOptions,
  from: AccessPod,
  address: IpAddress,
): Promise<HttpLoadReport> {
  using netns = openNetns(from.netnsPath ?? "");
  await using load = startHttpLoad({ netns, address, port: PORT, perSecond: REQUESTS_PER_SECOND });
  const loaded = new Promise((resolve) => setTimeout(resolve, loadSeconds * 1000).unref());
  const annotations = { [RESTARTED_AT]: new Date().toISOString() };
  const body = { spec: { template: { metadata: { annotations } } } };
  const name = { namespace: NAMESPACE, name: WEB };
  const { metadata } = await client.patch(deploymentKind, name, { type: "merge", body }, signal);
  await rolledOut(client, metadata.generation ?? 0, signal);
  await loaded;
  return await load.stop();
}

/** Resolves when all replicas are of that generation, and no pod of another is left. */
async function rolledOut(client: ApiClient, generation: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const follow = { client, onError: () => undefined };
  const query = { namespace: NAMESPACE, fieldSelector: `metadata.name=${WEB}` };
  await using deployments = createInformer<Deployment>({ ...follow, kind: deploymentKind, query });
  const selected = { namespace: NAMESPACE, labelSelector: `app=${WEB}` };
  await using pods = createInformer<Pod>({ ...follow, kind: podKind, query: selected });
  const look = (): void => {
    const { spec, status } = deployments.get(NAMESPACE, WEB) ?? {};
    const isSeen = (status?.observedGeneration ?? 0) >= generation;
    const counts = [status?.replicas, status?.updatedReplicas, status?.availableReplicas, pods.list().length];
    if (isSeen && counts.every((count) => count === spec?.replicas)) resolve();
  };
  const abort = (): void => reject(signal.reason);
  using _rollout = deployments.subscribe({ onAdd: look, onUpdate: look });
  using _ends = pods.subscribe({ onAdd: look, onDelete: look });
  signal.addEventListener("abort", abort, { once: true });
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
