/** A pod as the benchmark has it: a network namespace of its own and what a runtime tells plugins about it. */
import { randomBytes } from "node:crypto";
import type { JsonObject } from "#base/json.ts";
import { createNetns, type Netns, removeNetns } from "#kernel/netns/netns.ts";

export interface BenchPod extends Disposable {
  readonly name: string;
  readonly containerId: string;
  readonly netns: Netns;
  readonly hostPort: number;
  /** What the last ADD of the chain answered. */
  result: JsonObject | undefined;
}

export const POD_IFNAME = "eth0";
const FOLDER = "/run/netns";
const FIRST_PORT = 10_000;
const PORTS = 50_000;

/** `number` counts the pods of one host namespace. */
export function createPod(number: number): BenchPod {
  const name = `bench-${number}`;
  const path = `${FOLDER}/${name}`;
  const netns = createNetns(path);
  return {
    name,
    containerId: randomBytes(32).toString("hex"),
    netns,
    hostPort: FIRST_PORT + (number % PORTS),
    result: undefined,
    [Symbol.dispose]() {
      netns[Symbol.dispose]();
      removeNetns(path);
    },
  };
}

/** CNI_ARGS as containerd and CRI-O send it. */
export function kubernetesArgs({ name, containerId }: BenchPod): string {
  return [
    "IgnoreUnknown=1",
    "K8S_POD_NAMESPACE=default",
    `K8S_POD_NAME=${name}`,
    `K8S_POD_INFRA_CONTAINER_ID=${containerId}`,
    "K8S_POD_UID=7b0e1b8e-6f5c-4c56-9f4e-3d1f2a6b5c4d",
  ].join(";");
}
