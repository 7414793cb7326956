/** Services and EndpointSlices for tests, as the API would store them. */

import { type EndpointSlice, endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { type Service, service } from "#api/kinds/service/service.ts";
import { createObject } from "#api/kinds/testing/create-object.ts";
import type { JsonObject } from "#base/json.ts";

export const NODE = { name: "n1", zone: "a" } as const;

/** default/web on 10.96.0.1:80 unless told otherwise. */
export function sampleService(spec: JsonObject = {}, rest: JsonObject = {}): Service {
  const base = { clusterIP: "10.96.0.1", clusterIPs: ["10.96.0.1"], ipFamilies: ["IPv4"], ports: [{ port: 80 }] };
  return createObject(service, {
    metadata: { namespace: "default", name: "web" },
    spec: { ...base, ...spec },
    ...rest,
  });
}

/** `10.0.0.1`, or with what it is: `{ address: "10.0.0.1", node: "n1", state: "terminating" }`. */
export interface SampleEndpoint {
  readonly address: string;
  readonly node?: string;
  readonly state?: "ready" | "unready" | "terminating" | "gone";
  readonly zones?: readonly string[];
  readonly nodes?: readonly string[];
}

const CONDITIONS = {
  ready: { ready: true, serving: true, terminating: false },
  unready: { ready: false, serving: false, terminating: false },
  terminating: { ready: false, serving: true, terminating: true },
  gone: { ready: false, serving: false, terminating: true },
} as const;

export function sampleSlice(endpoints: readonly (string | SampleEndpoint)[], members: JsonObject = {}): EndpointSlice {
  const given = endpoints.map((one) => (typeof one === "string" ? { address: one } : one));
  return createObject(endpointSlice, {
    metadata: { namespace: "default", name: "web-1", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports: [{ name: "", port: 8080, protocol: "TCP" }],
    endpoints: given.map(({ address, node = "n1", state = "ready", zones = [], nodes = [] }) => ({
      addresses: [address],
      nodeName: node,
      conditions: CONDITIONS[state],
      ...(zones.length + nodes.length > 0 && {
        hints: { forZones: zones.map((name) => ({ name })), forNodes: nodes.map((name) => ({ name })) },
      }),
    })),
    ...members,
  });
}
