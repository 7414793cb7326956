/**
 * Services by IPVS, for hosts that have it: a virtual service for each frontend, and a small table for what IPVS does not do
 * (ipvs-table.ts). The kernel has no transactions for virtual services: a failure may leave part of a change, which the next
 * `sync` completes. Prefer nftables.
 */
import type { IpAddress } from "#base/ip-address.ts";
import { describeIpvs, type IpvsOperation, type IpvsSocket, ipvsServiceText } from "#kernel/genetlink/ipvs.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import { findTable } from "#kernel/nfnetlink/nft-query.ts";
import { describeOperation, type NftOperation } from "#kernel/nfnetlink/operation.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";
import type { ServiceProxy, ServiceProxyNode } from "../contract.ts";
import { conflictsOf, keepClaims } from "../frontend-claims.ts";
import { IPVS_TABLE } from "./ipvs-table.ts";
import { createOwnedState, type OwnedState, planOwnedUpdate, virtualServicesAt } from "./owned-state.ts";
import { planVirtualServices, type VirtualServices, virtualServicesOf } from "./plan-virtual-services.ts";
import {
  type AddressChanges,
  applyAddresses,
  describeAddresses,
  ensureServiceLink,
  observeAddresses,
  planAddresses,
  removeServiceLink,
} from "./service-link.ts";
import { frontendsInTable, observeIpvsTable, planIpvsTable } from "./sync-table.ts";
import { boundAddresses, elementOperations } from "./table-elements.ts";

export interface IpvsServiceProxyDeps {
  readonly ipvs: IpvsSocket;
  /** All of the node's namespace; they stay the caller's. */
  readonly nft: NftSocket;
  readonly rtnl: NetlinkSocket;
  /** Below /proc/sys of that namespace. */
  writeSettings(values: Readonly<Record<string, number>>): void;
}

/** Source: Documentation/networking/ipvs-sysctl.rst */
const SETTINGS = {
  "net/ipv4/vs/conntrack": 1, // without it netfilter does not see the connections, and cannot masquerade them
  "net/ipv4/vs/expire_nodest_conn": 1, // what went to a destination that is gone ends at once
  "net/ipv4/vs/expire_quiescent_template": 1, // a client leaves a destination that gets no new connections
} as const;

interface Plan {
  readonly table: readonly NftOperation[];
  readonly virtual: readonly IpvsOperation[];
  readonly addresses: AddressChanges;
}

export function createIpvsServiceProxy({ ipvs, nft, rtnl, writeSettings }: IpvsServiceProxyDeps): ServiceProxy {
  let state: (OwnedState & { readonly ifindex: number }) | undefined;

  /** Those that are ours by the table, by their address, or because we have just made them. */
  function observeVirtual(isOurs: (text: string, address: IpAddress) => boolean): VirtualServices {
    const ours = ipvs.listServices().filter((service) => isOurs(ipvsServiceText(service), service.address));
    return virtualServicesOf(ours.map((service) => ({ service, destinations: ipvs.listDestinations(service) })));
  }

  function planAll(node: ServiceProxyNode, next: OwnedState, look = observeAddresses(rtnl)): Plan {
    const table = observeIpvsTable(nft);
    const inTable = frontendsInTable(table);
    const present = observeVirtual(
      (text, address) =>
        inTable.has(text) || next.virtual.has(text) || state?.virtual.has(text) === true || look.bound.has(address),
    );
    return {
      table: planIpvsTable(table, node, next.elements),
      virtual: planVirtualServices(present, next.virtual),
      addresses: planAddresses(look, boundAddresses(next.elements.values())),
    };
  }

  /** The table first: it decides who may, before there is somebody to serve. */
  function apply({ table, virtual, addresses }: Plan, ifindex: number, purpose: string): void {
    if (table.length > 0) nft.commit(table, purpose);
    for (const operation of virtual) ipvs.apply(operation);
    applyAddresses(rtnl, ifindex, addresses);
  }

  return {
    name: "ipvs",
    sync(node, desired) {
      writeSettings(SETTINGS);
      const ifindex = ensureServiceLink(rtnl);
      const look = observeAddresses(rtnl);
      const next = createOwnedState({ ...node, addresses: look.own }, desired);
      const plan = planAll(node, next, look);
      apply(plan, ifindex, "program all Services");
      state = { ...next, ifindex };
      const conflicts = [...next.claims].flatMap(([frontend, claimants]) => conflictsOf(frontend, claimants));
      return { changes: describePlan(plan), conflicts };
    },
    update(changes) {
      if (state === undefined) throw new Error("Cannot change Services: they were not synced before");
      const { claims, services, elements, texts, wanted } = planOwnedUpdate(state, changes);
      const present = virtualServicesAt(texts, state.virtual, (service) => ipvs.listDestinations(service));
      const plan: Plan = {
        table: elementOperations(elements),
        virtual: planVirtualServices(present, wanted),
        addresses: { added: boundAddresses(elements.added), removed: boundAddresses(elements.removed) },
      };
      apply(plan, state.ifindex, "program changed Services");
      keepClaims(state.claims, claims);
      elements.keep();
      for (const [id, service] of services) {
        if (service === undefined) state.services.delete(id);
        else state.services.set(id, service);
      }
      for (const text of texts) {
        const one = wanted.get(text);
        if (one === undefined) state.virtual.delete(text);
        else state.virtual.set(text, one);
      }
      return {
        changes: describePlan(plan),
        conflicts: [...claims].flatMap(([text, claimants]) => conflictsOf(text, claimants)),
      };
    },
    drift() {
      if (state === undefined) return [];
      const look = observeAddresses(rtnl);
      const ports = new Map([...state.services].map(([id, { port }]) => [id, port]));
      return describePlan(planAll(state.node, createOwnedState({ ...state.node, addresses: look.own }, ports), look));
    },
    remove() {
      const [inTable, { bound }] = [frontendsInTable(observeIpvsTable(nft)), observeAddresses(rtnl)];
      const ours = observeVirtual(
        (text, address) => inTable.has(text) || bound.has(address) || state?.virtual.has(text) === true,
      );
      for (const operation of planVirtualServices(ours, new Map())) ipvs.apply(operation);
      removeServiceLink(rtnl);
      if (findTable(nft, IPVS_TABLE) !== undefined)
        nft.commit([{ do: "delete table", table: IPVS_TABLE }], "remove all Services");
      state = undefined;
    },
    async [Symbol.asyncDispose]() {
      state = undefined;
    },
  };
}

function describePlan({ table, virtual, addresses }: Plan): readonly string[] {
  return [...table.map(describeOperation), ...virtual.map(describeIpvs), ...describeAddresses(addresses)];
}
