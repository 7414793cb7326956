/** Takes away what our proxy of another technology has left, once the chosen one does the work: connections go on. */
import type { Log } from "#base/log.ts";
import type { ServiceProxyName } from "#dataplane/services/contract.ts";
import { IPVS_TABLE } from "#dataplane/services/ipvs/ipvs-table.ts";
import { SERVICE_TABLE } from "#dataplane/services/nftables/service-table.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { findTable } from "#kernel/nfnetlink/nft-query.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";
import { findOwnIptables } from "./foreign-proxy.ts";
import type { OpenServiceProxy } from "./open-service-proxy.ts";

export async function sweepOtherProxies(
  chosen: ServiceProxyName,
  deps: {
    readonly nft: NftSocket;
    readonly netns: Netns;
    readonly log: Log;
    readonly openProxy: OpenServiceProxy;
  },
): Promise<void> {
  const { nft, netns, log, openProxy } = deps;
  const others: readonly ServiceProxyName[] = [
    ...(chosen !== "nftables" && findTable(nft, SERVICE_TABLE) !== undefined ? (["nftables"] as const) : []),
    ...(chosen !== "iptables" && findOwnIptables(nft) !== undefined ? (["iptables"] as const) : []),
    ...(chosen !== "ipvs" && findTable(nft, IPVS_TABLE) !== undefined ? (["ipvs"] as const) : []),
  ];
  for (const other of others) {
    const { proxy } = await openProxy(other, { nft, netns });
    await using _opened = proxy;
    await proxy.remove();
    log.info("rules of another service proxy of ours removed", { proxy: other });
  }
}
