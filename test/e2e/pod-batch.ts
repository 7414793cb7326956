/** Pods by the dozen: sandboxes, some of them with a container that serves and a host port that leads to it. */
import assert from "node:assert/strict";
import type { NodeSandbox } from "#cluster/node-sandbox.ts";
import { OUTSIDE, type Outside } from "#cluster/outside.ts";
import { askService, peerAnswer, startPodService } from "#cluster/peer-service.ts";
import { execInPod, type Pod, runPod } from "#cluster/pod.ts";
import { type PodSandbox, removePod, runPodSandbox } from "#cluster/pod-sandbox.ts";
import { inLanes } from "./in-lanes.ts";

export interface Service {
  readonly pod: Pod;
  readonly hostPort: number;
}

export interface PodBatch {
  readonly sandboxes: readonly PodSandbox[];
  readonly services: readonly Service[];
}

export interface BatchPlan {
  readonly node: NodeSandbox;
  readonly count: number;
  /** How many of them serve, evenly spread. */
  readonly services: number;
  readonly lanes?: number;
}

const LANES = 4;
const FIRST_HOST_PORT = 8000;

export async function runBatch(
  { node, count, services, lanes = LANES }: BatchPlan,
  signal: AbortSignal,
): Promise<PodBatch> {
  const every = Math.ceil(count / services);
  const made = await inLanes(Array.from({ length: count }), lanes, async (_, index): Promise<PodSandbox | Service> => {
    const name = `pod-${index}`;
    if (index % every !== 0) return runPodSandbox({ node, name }, signal);
    const hostPort = FIRST_HOST_PORT + index;
    const pod = await runPod({ node, name, portMappings: [{ hostPort, containerPort: 80 }] }, signal);
    await startPodService(pod, signal);
    return { pod, hostPort };
  });
  return {
    sandboxes: made.map((one) => ("pod" in one ? one.pod : one)),
    services: made.flatMap((one) => ("pod" in one ? [one] : [])),
  };
}

export async function removeBatch(sandboxes: readonly PodSandbox[], signal: AbortSignal, lanes = LANES): Promise<void> {
  await inLanes(sandboxes, lanes, (pod) => removePod(pod, signal));
}

/** Addresses are distinct, every pod answers the node, and those that serve are reached by every way there is. */
export async function checkBatch(
  { sandboxes, services }: PodBatch,
  { node, outside }: { readonly node: NodeSandbox; readonly outside: Outside },
  signal: AbortSignal,
): Promise<void> {
  const addresses = sandboxes.map(({ ip }) => ip);
  assert.equal(new Set(addresses).size, addresses.length, `addresses are given twice: ${addresses}`);
  const pingAll = 'for ip; do ping -q -c 1 -W 5 "$ip" >/dev/null || echo "$ip"; done';
  const { stdout: silent } = await node.exec(["sh", "-c", pingAll, "sh", ...addresses], signal);
  assert.equal(silent, "", "pods that do not answer the node");
  await inLanes(services, LANES, async ({ pod, hostPort }, index) => {
    const next = services[(index + 1) % services.length]?.pod ?? pod;
    const asPod = async (url: string): Promise<string> => said(await execInPod(pod, askService(url), signal));
    const who = `${pod.name} ${pod.ip}`;
    if (next !== pod) assert.equal(await asPod(`http://${next.ip}/`), peerAnswer(next.name, pod.ip), `${who} to a pod`);
    const outsideUrl = `http://${OUTSIDE.serviceAddress}/`;
    assert.equal(await asPod(outsideUrl), peerAnswer(OUTSIDE.name, OUTSIDE.nodeAddress), `${who} to the outside`);
    const hostUrl = `http://${OUTSIDE.nodeAddress}:${hostPort}/`;
    const fromOutside = said(await outside.exec(askService(hostUrl), signal));
    assert.equal(fromOutside, peerAnswer(pod.name, OUTSIDE.routerAddress), `outside to host port of ${who}`);
    // Its own host port: what comes back from itself must look as if the node had asked.
    assert.match(await asPod(hostUrl), new RegExp(`^you are \\S+\\.1, I am ${pod.name}\n$`), `${who} to its host port`);
  });
}

function said({
  code,
  stdout,
  stderr,
}: {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}): string {
  return code === 0 ? stdout : `exit status ${code}: ${stdout}${stderr}`;
}
