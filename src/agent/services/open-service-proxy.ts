/** The proxy of the chosen technology; only that one's code is loaded. */
import type { AsyncServiceProxy, ServiceProxy, ServiceProxyName } from "#dataplane/services/contract.ts";
import { type Netns, ownNetns } from "#kernel/netns/netns.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";
import type { NftChange } from "#kernel/nfnetlink/watch-nft.ts";

export interface OpenedServiceProxy {
  readonly proxy: ServiceProxy | AsyncServiceProxy;
  /** Somebody who changes that changes what the proxy keeps. */
  isOurs(change: NftChange): boolean;
}

/** Why Services cannot be translated that way here. */
export class ServiceProxyError extends Error {
  override readonly name = "ServiceProxyError";

  constructor(proxy: ServiceProxyName, why: string) {
    super(`Cannot translate Services by ${proxy}: ${why}`);
  }
}

export type OpenServiceProxy = (
  name: ServiceProxyName,
  deps: { readonly nft: NftSocket; readonly netns: Netns },
) => Promise<OpenedServiceProxy>;

export const openServiceProxy: OpenServiceProxy = async (name, { nft, netns }) => {
  switch (name) {
    case "nftables": {
      const [{ createNftablesServiceProxy }, { SERVICE_TABLE }] = await Promise.all([
        import("#dataplane/services/nftables/create-nftables-service-proxy.ts"),
        import("#dataplane/services/nftables/service-table.ts"),
      ]);
      const isOurs = ({ family, table }: NftChange): boolean =>
        family === SERVICE_TABLE.family && table === SERVICE_TABLE.table;
      return { proxy: createNftablesServiceProxy({ nft }), isOurs };
    }
    case "iptables": {
      const { createIptablesServiceProxy } = await import(
        "#dataplane/services/iptables/create-iptables-service-proxy.ts"
      );
      using own = ownNetns();
      const enter = own.inode === netns.inode ? [] : ["nsenter", `--net=${netns.path}`, "--"];
      return { proxy: createIptablesServiceProxy({ enter }), isOurs: isOfIptables };
    }
    case "ipvs": {
      const { openIpvsServiceProxy } = await import("./open-ipvs-service-proxy.ts");
      const opened = openIpvsServiceProxy({ nft, netns });
      if (opened === undefined) throw new ServiceProxyError(name, NO_IPVS);
      return opened;
    }
  }
};

const NO_IPVS =
  'this kernel has no generic netlink family "IPVS", so the module ip_vs is not loaded or not built; ' +
  'run "modprobe -a ip_vs ip_vs_rr" on the node and start the agent again';

/** Of iptables on nf_tables; its own changes come from processes, and look like those of others. */
function isOfIptables({ family, table, kind }: NftChange): boolean {
  const isTable = table === "nat" || table === "filter";
  return (family === "ip" || family === "ip6") && isTable && (kind === "table" || kind === "chain" || kind === "rule");
}
