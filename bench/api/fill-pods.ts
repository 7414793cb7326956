/** Makes a cluster full of running pods, as its nodes would have written them, and lists it. */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { HttpCaller } from "./http-caller.ts";
import { inLanes } from "./in-lanes.ts";
import type { Block, PodLists } from "./load-protocol.ts";
import { NAMESPACE, nodeCount, podName, sampleNode, samplePod, samplePodStatus } from "./sample-objects.ts";

const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
/** What kubectl asks for at once. */
const PAGE = 500;

/** A sample for each pod: its creation. That it runs then is written outside the clock. */
export async function fillPods(caller: HttpCaller, count: number, lanes: number): Promise<Block> {
  const now = new Date();
  for (let index = 0; index < nodeCount(count); index++) {
    await caller.send({ method: "POST", path: "/api/v1/nodes", body: JSON.stringify(sampleNode(index, now)) });
  }
  const pods: string[] = [];
  const block = await inLanes(count, lanes, async (index) => {
    pods[index] = await caller.send({ method: "POST", path: PODS, body: JSON.stringify(samplePod(index)) });
  });
  await inLanes(count, lanes, async (index) => {
    const pod = parseObject(pods[index] ?? "");
    const body = JSON.stringify({ ...pod, status: samplePodStatus(index, now) } satisfies JsonObject);
    await caller.send({ method: "PUT", path: `${PODS}/${podName(index)}/status`, body });
  });
  return block;
}

export async function listPods(caller: HttpCaller, times: number): Promise<PodLists> {
  const wholeMs: number[] = [];
  const pagedMs: number[] = [];
  let bytes = 0;
  for (let time = 0; time < times; time++) {
    const start = performance.now();
    bytes = (await caller.send({ method: "GET", path: PODS })).length;
    const middle = performance.now();
    await listPages(caller);
    wholeMs.push(middle - start);
    pagedMs.push(performance.now() - middle);
  }
  return { wholeMs, pagedMs, bytes };
}

async function listPages(caller: HttpCaller): Promise<void> {
  let next: JsonValue | undefined = "";
  while (typeof next === "string") {
    const page: string = await caller.send({
      method: "GET",
      path: `${PODS}?limit=${PAGE}${next === "" ? "" : `&continue=${encodeURIComponent(next)}`}`,
    });
    // Parsing all of it is the client's work; the list's metadata comes first.
    next = /^.{0,300}?"continue":"([^"]+)"/.exec(page)?.[1];
  }
}

function parseObject(text: string): JsonObject {
  const value: unknown = JSON.parse(text);
  if (!isJsonObject(value)) throw new Error("The API server answered something that is no object");
  return value;
}
