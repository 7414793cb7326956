/**
 * The kernel's own price: the objects of a pod made by bare netlink messages, with no process, no plugin and no record.
 * ADD: a veth pair with one end in the pod and the other a port of the bridge, addresses, default routes, and where the
 * case has them elements of nft sets. DEL: the elements, then the link. The socket in the pod is part of the time.
 */
import { addressBytes, type IpAddress, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import { concat } from "#kernel/nfnetlink/data-type.ts";
import type { ElementOperation } from "#kernel/nfnetlink/operation.ts";
import { createNftSocket, type NftSocket } from "#kernel/nfnetlink/transaction.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { createLink, createVeth, deleteLink, setLink } from "#kernel/rtnetlink/link.ts";
import { addRoute } from "#kernel/rtnetlink/route.ts";
import { type BenchCase, caseAddress, caseNetwork } from "./cases.ts";
import { type BenchPod, POD_IFNAME } from "./pod.ts";
import type { PodDriver } from "./pod-driver.ts";

const TABLE = { family: "ip", table: "bench" } as const;
const MASQUERADED = { ...TABLE, set: "masq" } as const;
const HOST_PORTS = { ...TABLE, set: "ports" } as const;
const TCP = 6;

interface Attached {
  readonly ifindex: number;
  readonly address: IpAddress;
}

export function createKernelDriver(rtnetlink: NetlinkSocket): PodDriver & Disposable {
  const nft = createNftSocket();
  const bridges = new Map<string, number>();
  const attached = new Map<string, Attached>();
  let addresses = 1;
  createSets(nft);

  function attach(pod: BenchPod, benchCase: BenchCase): void {
    const network = caseNetwork(benchCase);
    addresses += 1;
    const address = parseAddress(caseAddress(benchCase, addresses));
    const { ifindex, peerIfindex } = createVeth(rtnetlink, {
      name: `veth${addresses}`,
      up: true,
      master: bridges.get(network.bridge),
      peer: { name: POD_IFNAME, netnsFd: pod.netns.fd },
    });
    setLink(rtnetlink, ifindex, { bridgePort: { hairpin: true } });
    using inside = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: pod.netns });
    setLink(inside, peerIfindex, { up: true });
    addAddress(inside, { ifindex: peerIfindex, prefix: parsePrefix(`${address}/16`) });
    addRoute(inside, { destination: parsePrefix("0.0.0.0/0"), gateway: parseAddress(network.gateway4) });
    if (benchCase.dualStack) {
      const prefix = parsePrefix(network.subnet6.replace("::/64", `::${addresses.toString(16)}/64`));
      addAddress(inside, { ifindex: peerIfindex, prefix, noDad: true });
      addRoute(inside, { destination: parsePrefix("::/0"), gateway: parseAddress(network.gateway6) });
    }
    nft.commit(elements("add elements", address, pod, benchCase), "add elements of the pod");
    attached.set(pod.containerId, { ifindex, address });
  }

  function detach(pod: BenchPod, benchCase: BenchCase): void {
    const known = attached.get(pod.containerId);
    if (known === undefined) throw new Error(`Cannot detach pod "${pod.name}": it is not attached`);
    nft.commit(elements("delete elements", known.address, pod, benchCase), "delete elements of the pod");
    deleteLink(rtnetlink, known.ifindex);
    attached.delete(pod.containerId);
  }

  return {
    prepare(benchCase) {
      const { bridge, gateway4, gateway6 } = caseNetwork(benchCase);
      const { ifindex } = createLink(rtnetlink, { name: bridge, up: true, kind: { type: "bridge" } });
      addAddress(rtnetlink, { ifindex, prefix: parsePrefix(`${gateway4}/16`) });
      if (benchCase.dualStack) addAddress(rtnetlink, { ifindex, prefix: parsePrefix(`${gateway6}/64`), noDad: true });
      bridges.set(bridge, ifindex);
    },
    attach: (pod, benchCase) => timed(() => attach(pod, benchCase)),
    detach: (pod, benchCase) => timed(() => detach(pod, benchCase)),
    [Symbol.dispose]: () => nft[Symbol.dispose](),
  };
}

async function timed(step: () => void): Promise<number> {
  const start = performance.now();
  step();
  return performance.now() - start;
}

function createSets(nft: NftSocket): void {
  nft.commit(
    [
      { do: "add table", table: TABLE },
      { do: "add set", set: { ...MASQUERADED, key: ["ipv4_addr"] } },
      {
        do: "add set",
        set: { ...HOST_PORTS, key: ["inet_proto", "inet_service"], data: ["ipv4_addr", "inet_service"] },
      },
    ],
    "add sets",
  );
}

function elements(
  verb: "add elements" | "delete elements",
  address: IpAddress,
  { hostPort }: BenchPod,
  benchCase: BenchCase,
): readonly ElementOperation[] {
  const operations: ElementOperation[] = [];
  const ip = addressBytes(address);
  if (benchCase.masquerade) operations.push({ do: verb, set: MASQUERADED, elements: [{ key: ip }] });
  if (benchCase.hostPort) {
    const key = concat(Uint8Array.of(TCP), port(hostPort));
    operations.push({ do: verb, set: HOST_PORTS, elements: [{ key, data: concat(ip, port(80)) }] });
  }
  return operations;
}

function port(number: number): Uint8Array {
  return Uint8Array.of(number >> 8, number & 0xff);
}
