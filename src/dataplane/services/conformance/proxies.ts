/** The proxies that the suite runs on. */
import type { Netns } from "#kernel/netns/netns.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import type { AsyncServiceProxy, ServiceProxy, ServiceProxyName } from "../contract.ts";
import { createIptablesServiceProxy } from "../iptables/create-iptables-service-proxy.ts";
import { createNftablesServiceProxy } from "../nftables/create-nftables-service-proxy.ts";

export interface ProxyUnderTest {
  readonly name: ServiceProxyName;
  /** In the node's namespace; what it works with ends with the stack. */
  create(stack: AsyncDisposableStack, netns: Netns): ServiceProxy | AsyncServiceProxy;
  /** Changes that are made while connections begin: as many as take a second or two. */
  readonly changesUnderLoad: number;
  /** Commands that take away what the proxy has written, or part of it, by hand. */
  readonly damages: readonly (readonly string[])[];
}

export const PROXIES: readonly ProxyUnderTest[] = [
  {
    name: "nftables",
    changesUnderLoad: 60,
    create(stack, netns) {
      const nft = stack.use(createNftSocket(netns));
      return stack.use(createNftablesServiceProxy({ nft }));
    },
    damages: [
      ["nft", "flush", "ruleset"],
      ["nft", "flush", "table", "inet", "podwire-services"],
      ["nft", "flush", "chain", "inet", "podwire-services", "services"],
      ["nft", "delete", "chain", "inet", "podwire-services", "postrouting"],
      ["nft", "flush", "set", "inet", "podwire-services", "pod_networks4"],
      ["nft", "flush", "map", "inet", "podwire-services", "endpoints4"],
      ["nft", "flush", "map", "inet", "podwire-services", "services4"],
      ["nft", "insert", "rule", "inet", "podwire-services", "services", "drop"],
    ],
  },
  {
    name: "iptables",
    changesUnderLoad: 12,
    create(stack, netns) {
      const enter = ["nsenter", `--net=/proc/${process.pid}/fd/${netns.fd}`, "--"];
      return stack.use(createIptablesServiceProxy({ enter }));
    },
    damages: [
      ["iptables", "-t", "nat", "-F"],
      ["iptables", "-t", "nat", "-F", "KUBE-SERVICES"],
      ["iptables", "-t", "nat", "-D", "PREROUTING", "1"],
      ["iptables", "-t", "filter", "-F", "KUBE-SERVICES"],
    ],
  },
];

/** Why a proxy is not tested with packets here. */
export const UNTESTED: Readonly<Partial<Record<ServiceProxyName, string>>> = {
  ipvs: "this kernel has no ip_vs: its messages are tested instead",
};
