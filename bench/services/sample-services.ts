/** Services with as many endpoints each as a benchmark wants, the same for every contestant. */
import { execFileSync } from "node:child_process";
import { bigIntToAddress, type IpAddress, parsePrefix } from "#base/ip-address.ts";
import type { ServiceProxyNode } from "#dataplane/services/contract.ts";
import type { ServicePort } from "#service/service-port.ts";

export const BACKEND_PORT = 8080;
export const SERVICE_PORT = 80;
/** 10.244.0.0 and 10.96.0.0. */
const PODS = 0x0af40000n;
const SERVICES = 0x0a600000n;
/** Pods that listen. */
export const PODS_HERE = 200;

export const BENCH_NODE_NAME = "bench-node";
export const BENCH_NODE: ServiceProxyNode = {
  podNetworks: [parsePrefix("10.244.0.0/16")],
  nodePods: [],
  nodePortAddresses: [],
  serviceNetworks: [parsePrefix("10.96.0.0/12")],
};

export function podAddress(number: number): IpAddress {
  return bigIntToAddress(4, PODS + 1n + BigInt(number % PODS_HERE));
}

export function serviceAddress(number: number): IpAddress {
  return bigIntToAddress(4, SERVICES + 1n + BigInt(number));
}

export function sampleService(number: number, endpoints: number, shift = 0): ServicePort {
  const backends = Array.from({ length: endpoints }, (_, index) => ({
    address: podAddress(number + index + (index === 0 ? shift : 0)),
    port: BACKEND_PORT + (index === 0 && shift > 0 ? 1 : 0),
  }));
  return {
    id: `default/service-${number}:http/TCP/4`,
    family: 4,
    protocol: "TCP",
    frontends: [{ kind: "clusterIP", address: serviceAddress(number), port: SERVICE_PORT, traffic: "cluster" }],
    cluster: backends,
    local: [],
  };
}

export function sampleServices(count: number, endpoints: number): ReadonlyMap<string, ServicePort> {
  return new Map(
    Array.from({ length: count }, (_, number) => {
      const port = sampleService(number, endpoints);
      return [port.id, port];
    }),
  );
}

/** Pods' addresses are the machine's own, and Services lead back into it. For a namespace that ends with its program. */
export function prepareAddresses(): void {
  const lines = ["link set lo up"];
  for (let number = 0; number < PODS_HERE; number++) lines.push(`addr add ${podAddress(number)}/32 dev lo`);
  lines.push(`route add 10.96.0.0/12 dev lo src ${podAddress(0)}`);
  execFileSync("ip", ["-batch", "-"], { input: lines.join("\n") });
}
