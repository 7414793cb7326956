/** Takes connection tracking entries away whose backend is no more. Equal to `conntrack -D`. */
import type { EndedFlows } from "#dataplane/services/contract.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import { type ConntrackFilter, deleteConntrack, flushConntrack, listConntrack } from "#kernel/nfnetlink/conntrack.ts";
import { type FlowOwner, findStaleFlows } from "./plan-ended-flows.ts";

export interface FlowTable {
  forget(ended: readonly EndedFlows[]): void;
  /** Compares all flows with all Services. Answers how many were deleted. */
  sweep(owners: Iterable<FlowOwner>): number;
}

const PROTOCOLS = { UDP: "udp", SCTP: "sctp" } as const;
/** Up to so many are looked for by the kernel, each in a walk of its table; more of them in one listing. */
const FEW = 16;

export function createFlowTable(socket: NetlinkSocket): FlowTable {
  return {
    forget(ended) {
      if (ended.length <= FEW) {
        for (const one of ended) flushConntrack(socket, filterOf(one));
        return;
      }
      const wanted = new Set(ended.map(keyOf));
      for (const protocol of new Set(ended.map((one) => PROTOCOLS[one.protocol]))) {
        for (const entry of listConntrack(socket, { original: { protocol } })) {
          const { original, reply } = entry;
          const family = original.destination.includes(":") ? 6 : 4;
          const at = (frontend: string, backend: string): string =>
            `${family} ${protocol} ${frontend} ${original.destinationPort} ${backend}`;
          const keys = [at(original.destination, reply.source), at("", reply.source), at(original.destination, "")];
          if (keys.some((key) => wanted.has(key))) deleteConntrack(socket, entry);
        }
      }
    },
    sweep(owners) {
      const all = [...owners];
      const protocols = new Set(all.map(({ port }) => port.protocol));
      let deleted = 0;
      for (const protocol of protocols) {
        if (protocol === "TCP") continue;
        const entries = listConntrack(socket, { original: { protocol: PROTOCOLS[protocol] } });
        for (const entry of findStaleFlows(entries, all)) deleted += Number(deleteConntrack(socket, entry));
      }
      return deleted;
    },
  };
}

function filterOf({ family, protocol, frontend, frontendPort, backend }: EndedFlows): ConntrackFilter {
  return {
    family,
    original: {
      protocol: PROTOCOLS[protocol],
      destinationPort: frontendPort,
      ...(frontend !== undefined && { destination: frontend }),
    },
    ...(backend !== undefined && { reply: { source: backend } }),
  };
}

function keyOf({ family, protocol, frontend, frontendPort, backend }: EndedFlows): string {
  return `${family} ${PROTOCOLS[protocol]} ${frontend ?? ""} ${frontendPort} ${backend ?? ""}`;
}
