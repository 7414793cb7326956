/** The networks whose plugins are killed: chains as a runtime has them in a network list, with all state in one folder. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "#base/json.ts";

export interface Network {
  readonly name: string;
  /** Plugins in the order of ADD. */
  readonly plugins: readonly JsonObject[];
  readonly hasHostPorts: boolean;
}

/** Port of the pods' servers. */
export const POD_PORT = 7000;

/** Small subnets: an address that is lost is soon missed. */
export function testNetworks(folder: string): readonly Network[] {
  const ipam = (...subnets: readonly string[]): JsonObject => ({
    type: "host-local",
    dataDir: join(folder, "ipam"),
    ranges: subnets.map((subnet) => [{ subnet }]),
    routes: subnets.map((subnet) => ({ dst: subnet.includes(":") ? "::/0" : "0.0.0.0/0" })),
  });
  const subnetFile = join(folder, "subnet.env");
  writeFileSync(
    subnetFile,
    "FLANNEL_NETWORK=10.23.0.0/16\nFLANNEL_SUBNET=10.23.1.1/29\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n",
  );
  const bridge = {
    type: "bridge",
    bridge: "br0",
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    macspoofchk: true,
    ipam: ipam("10.21.0.0/29", "fd21::/125"),
  };
  const portmap = { type: "portmap", capabilities: { portMappings: true } };
  const ptp = { type: "ptp", ipMasq: true, ipam: ipam("10.22.0.0/29") };
  const flannel = {
    type: "flannel",
    subnetFile,
    dataDir: join(folder, "flannel"),
    ipam: { dataDir: join(folder, "ipam"), routes: [{ dst: "0.0.0.0/0" }] },
    delegate: { bridge: "br1", hairpinMode: true, isDefaultGateway: true },
  };
  return [
    { name: "bridge-portmap", plugins: [bridge, portmap], hasHostPorts: true },
    { name: "ptp", plugins: [ptp], hasHostPorts: false },
    { name: "flannel", plugins: [flannel], hasHostPorts: false },
  ];
}
