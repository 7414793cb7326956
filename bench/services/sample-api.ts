/**
 * An API server with as many Services as a benchmark wants, each with one EndpointSlice, made while they are asked for:
 * `node sample-api.ts SERVICES ENDPOINTS`. Prints how it is reached. Who watches hears of what comes on its input: with
 * `change NUMBER SHIFT` the first endpoint of that Service is another pod; with `create NUMBER` there is one more Service.
 */
import { once } from "node:events";
import type { Http2ServerResponse } from "node:http2";
import { createInterface } from "node:readline";
import { makeCertificate, startHttpsServer } from "#api-client/testing/https-server.ts";
import type { JsonObject } from "#base/json.ts";
import { BACKEND_PORT, BENCH_NODE_NAME, podAddress, SERVICE_PORT, serviceAddress } from "./sample-services.ts";

const [services = 0, endpointsEach = 0] = process.argv.slice(2).map(Number);
/** Endpoints are spread over so many nodes. */
const NODES = 100;
/** Of the lists; changes have the next ones. */
const FIRST_REVISION = 1_000_000;

/** What a cluster's objects carry besides what counts. */
function metadata(name: string, number: number, more: JsonObject = {}): JsonObject {
  return {
    namespace: "default",
    name,
    uid: `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`,
    resourceVersion: String(number + 1),
    generation: 1,
    creationTimestamp: "2025-01-01T00:00:00Z",
    managedFields: [
      {
        manager: "kube-controller-manager",
        operation: "Update",
        apiVersion: "v1",
        time: "2025-01-01T00:00:00Z",
        fieldsType: "FieldsV1",
        fieldsV1: { "f:metadata": { "f:labels": { ".": {}, "f:app": {} } }, "f:spec": { "f:ports": {} } },
      },
    ],
    ...more,
  };
}

function serviceObject(number: number, revision = number + 1): JsonObject {
  const address = serviceAddress(number);
  const more = { labels: { app: `app-${number}` }, resourceVersion: String(revision) };
  return {
    metadata: metadata(`service-${number}`, number, more),
    spec: {
      clusterIP: address,
      clusterIPs: [address],
      internalTrafficPolicy: "Cluster",
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
      ports: [{ name: "http", port: SERVICE_PORT, protocol: "TCP", targetPort: BACKEND_PORT }],
      selector: { app: `app-${number}` },
      sessionAffinity: "None",
      type: "ClusterIP",
    },
    status: { loadBalancer: {} },
  };
}

function sliceObject(number: number, { shift = 0, revision = number + 1 } = {}): JsonObject {
  const labels = { app: `app-${number}`, "kubernetes.io/service-name": `service-${number}` };
  return {
    metadata: metadata(`service-${number}-abcde`, number, {
      labels: { ...labels, "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io" },
      resourceVersion: String(revision),
      ownerReferences: [{ apiVersion: "v1", kind: "Service", name: `service-${number}`, uid: "u", controller: true }],
    }),
    addressType: "IPv4",
    endpoints: Array.from({ length: endpointsEach }, (_, index) => ({
      addresses: [podAddress(number + index + (index === 0 ? shift : 0))],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${(number + index) % NODES}`,
      targetRef: {
        kind: "Pod",
        namespace: "default",
        name: `app-${number}-7d4b9c6f5-${index}`,
        uid: `00000000-0000-4000-9000-${(number * endpointsEach + index).toString(16).padStart(12, "0")}`,
      },
    })),
    ports: [{ name: "http", port: BACKEND_PORT, protocol: "TCP" }],
  };
}

const nodeObject: JsonObject = {
  metadata: { name: BENCH_NODE_NAME, uid: "node-uid", resourceVersion: "1" },
  spec: { podCIDR: "10.244.0.0/24", podCIDRs: ["10.244.0.0/24"] },
  status: { conditions: [{ type: "Ready", status: "True" }] },
};

interface Collection {
  readonly count: number;
  readonly make: (number: number) => JsonObject;
}

const COLLECTIONS: Readonly<Record<string, Collection>> = {
  "/api/v1/services": { count: services, make: (number) => serviceObject(number) },
  "/apis/discovery.k8s.io/v1/endpointslices": { count: services, make: (number) => sliceObject(number) },
  "/api/v1/nodes": { count: 1, make: () => nodeObject },
};

const watches = new Map<string, Set<Http2ServerResponse>>();
const server = await startHttpsServer(await makeCertificate(), (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "", "https://api");
  const collection = COLLECTIONS[pathname] ?? { count: 0, make: () => ({}) };
  response.setHeader("Content-Type", "application/json");
  if (searchParams.get("watch") === "true") {
    response.writeHead(200);
    const [plural = ""] = pathname.split("/").slice(-1);
    const others = watches.get(plural) ?? new Set();
    watches.set(plural, others.add(response));
    if (searchParams.get("sendInitialEvents") === "true") void sendAll(response, collection);
    return;
  }
  const first = Number(searchParams.get("continue") ?? 0);
  const end = Math.min(collection.count, first + Number(searchParams.get("limit") ?? collection.count));
  const items = Array.from({ length: end - first }, (_, index) => collection.make(first + index));
  const next = end < collection.count ? { continue: String(end) } : {};
  response.end(JSON.stringify({ metadata: { resourceVersion: String(FIRST_REVISION), ...next }, items }));
});

/** As fast as it is read. */
async function sendAll(response: Http2ServerResponse, { count, make }: Collection): Promise<void> {
  for (let number = 0; number < count; number++) {
    if (!response.write(`${JSON.stringify({ type: "ADDED", object: make(number) })}\n`)) await once(response, "drain");
  }
  const annotations = { "k8s.io/initial-events-end": "true" };
  const object = { metadata: { resourceVersion: String(FIRST_REVISION), annotations } };
  response.write(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
}

function tell(plural: string, type: "ADDED" | "MODIFIED", object: JsonObject): void {
  for (const watch of watches.get(plural) ?? []) watch.write(`${JSON.stringify({ type, object })}\n`);
}

let revision = FIRST_REVISION;
createInterface({ input: process.stdin }).on("line", (line) => {
  const [verb, ...words] = line.split(" ");
  const [number = 0, shift = 0] = words.map(Number);
  revision += 1;
  if (verb === "change") return tell("endpointslices", "MODIFIED", sliceObject(number, { shift, revision }));
  tell("endpointslices", "ADDED", sliceObject(number, { revision }));
  tell("services", "ADDED", serviceObject(number, revision));
});
process.stdout.write(`${JSON.stringify(server.cluster)}\n`);
