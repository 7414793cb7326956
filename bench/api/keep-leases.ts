/** Signs of life of the nodes, as their kubelets give them: without, the pods of a long run would not be ready any more. */
import { isJsonObject, type JsonObject } from "#base/json.ts";
import type { HttpCaller } from "./http-caller.ts";
import { nodeCount, nodeName } from "./sample-objects.ts";

/** What kubelets use. */
const RENEW_MS = 10_000;
const LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

/** Resolves when all nodes have their lease. One that could not be renewed has its next turn, as with kubelets. */
export async function keepLeases(caller: HttpCaller, pods: number): Promise<Disposable> {
  const names = Array.from({ length: nodeCount(pods) }, (_, index) => nodeName(index));
  for (const name of names) {
    const lease = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name },
      spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime() },
    };
    await caller.send({ method: "POST", path: LEASES, body: JSON.stringify(lease) });
  }
  async function renew(name: string): Promise<void> {
    const path = `${LEASES}/${name}`;
    const lease = parseObject(await caller.send({ method: "GET", path }));
    const spec = { ...(isJsonObject(lease["spec"]) && lease["spec"]), renewTime: microTime() };
    await caller.send({ method: "PUT", path, body: JSON.stringify({ ...lease, spec }) });
  }
  let isUnderWay = false;
  async function renewAll(): Promise<void> {
    isUnderWay = true;
    for (const name of names) await renew(name).catch(() => undefined);
    isUnderWay = false;
  }
  const timer = setInterval(() => {
    if (!isUnderWay) void renewAll();
  }, RENEW_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function microTime(): string {
  return new Date().toISOString().replace("Z", "000Z");
}

function parseObject(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  if (!isJsonObject(value)) throw new Error("The API server answered something that is no object");
  return value;
}
