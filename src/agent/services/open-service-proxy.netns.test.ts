import assert from "node:assert/strict";
import { test } from "node:test";
import { openIpvs } from "#kernel/genetlink/ipvs.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { requireRoot, withNetns } from "#kernel/testing/with-netns.ts";
import { openServiceProxy } from "./open-service-proxy.ts";

test("openServiceProxy says what IPVS needs where the kernel has none", requireRoot, (context) =>
  withNetns(async (netns) => {
    using present = openIpvs(netns);
    if (present !== undefined) return context.skip("this kernel has IPVS");
    using nft = createNftSocket(netns);
    await assert.rejects(openServiceProxy("ipvs", { nft, netns }), {
      name: "ServiceProxyError",
      message:
        'Cannot translate Services by ipvs: this kernel has no generic netlink family "IPVS", so the module ip_vs is not ' +
        'loaded or not built; run "modprobe -a ip_vs ip_vs_rr" on the node and start the agent again',
    });
  }),
);
