/** A program that writes thousands of Services over and over, to be killed at any moment. Started by a test. */
import { type IpAddress, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import type { ServicePort } from "#service/service-port.ts";
import type { ServiceProxyNode } from "../contract.ts";
import { createNftablesServiceProxy } from "./create-nftables-service-proxy.ts";

/** The Service that always is there, and where its pods are. */
export const STEADY: { readonly address: IpAddress; readonly port: number; readonly pods: readonly IpAddress[] } = {
  address: parseAddress("10.96.0.1"),
  port: 80,
  pods: ["10.244.0.1", "10.244.0.2", "10.244.0.3"].map(parseAddress),
};
export const POD_PORT = 8080;

const NODE: ServiceProxyNode = {
  podNetworks: [parsePrefix("10.244.0.0/16")],
  nodePods: [],
  nodePortAddresses: [],
  serviceNetworks: [parsePrefix("10.96.0.0/16")],
};
const SERVICES = 2_000;

function service(number: number, pods: readonly IpAddress[]): ServicePort {
  const address = parseAddress(`10.96.${number >> 8}.${number & 0xff}`);
  return {
    id: `default/s${number}:http/TCP/4`,
    family: 4,
    protocol: "TCP",
    frontends: [{ kind: "clusterIP", address, port: STEADY.port, traffic: "cluster" }],
    cluster: pods.map((pod) => ({ address: pod, port: POD_PORT })),
    local: [],
  };
}

function run(): void {
  const proxy = createNftablesServiceProxy({ nft: createNftSocket() });
  const steady = service(1, STEADY.pods);
  proxy.sync(NODE, new Map([[steady.id, steady]]));
  process.stdout.write("ready\n");
  for (let round = 0; ; round++) {
    const pods = Array.from({ length: 10 }, (_, index) => parseAddress(`10.244.1.${1 + index + (round % 3)}`));
    const others = Array.from({ length: SERVICES }, (_, index) => service(index + 2, pods));
    proxy.sync(NODE, new Map([steady, ...others].map((port) => [port.id, port])));
    for (const { id } of others.slice(0, 200)) proxy.update(new Map([[id, undefined]]));
  }
}

if (import.meta.main) run();
