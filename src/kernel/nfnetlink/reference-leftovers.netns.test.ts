/** Leftovers of real iptables-nft, nft and reference plugins go away; everything else in their tables stays. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import type { Netns } from "../netns/netns.ts";
import { execIn, outputIn } from "../testing/run-in-netns.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { findChain, listChains, readGeneration } from "./nft-query.ts";
import { deleteChainAndItsJumps, deleteRulesByComment, planChainRemoval } from "./reference-leftovers.ts";
import { goto, jump, rule, verdict } from "./statements.ts";
import { createNftSocket } from "./transaction.ts";

const IPTABLES = { ip: "/usr/sbin/iptables-nft", ip6: "/usr/sbin/ip6tables-nft" } as const;
const COMMENT = 'name: "net" id: "cid"';

async function save(netns: Netns, family: "ip" | "ip6"): Promise<string> {
  const text = await outputIn(netns, [`${IPTABLES[family]}-save`, "-t", "nat"]);
  return text.replaceAll(/^#.*\n/gm, "").replaceAll(/\[\d+:\d+\]/g, "");
}

for (const { family, pod, subnet, multicast } of [
  { family: "ip", pod: "10.1.0.5", subnet: "10.1.0.0/16", multicast: "224.0.0.0/4" },
  { family: "ip6", pod: "fd00::5", subnet: "fd00::/64", multicast: "ff00::/8" },
] as const) {
  test(`deleteChainAndItsJumps removes what a masquerading plugin made with ${IPTABLES[family]}`, requireRoot, () =>
    withNetns(async (netns) => {
      using socket = createNftSocket(netns);
      const iptables = (...args: string[]) => outputIn(netns, [IPTABLES[family], "-t", "nat", ...args]);
      const comment = ["-m", "comment", "--comment", COMMENT];
      await iptables("-N", "MINE");
      await iptables("-A", "POSTROUTING", "-s", pod, "-m", "comment", "--comment", "keep me", "-j", "MINE");
      await iptables("-A", "OUTPUT", "-p", "tcp", "-m", "multiport", "--dports", "80,81", "-j", "MINE");
      const before = await save(netns, family);
      await iptables("-N", "CNI-abcdef");
      await iptables("-A", "CNI-abcdef", "-d", subnet, ...comment, "-j", "ACCEPT");
      await iptables("-A", "CNI-abcdef", "!", "-d", multicast, ...comment, "-j", "MASQUERADE");
      await iptables("-I", "POSTROUTING", "-s", pod, ...comment, "-j", "CNI-abcdef");
      await iptables("-A", "POSTROUTING", "-g", "CNI-abcdef");
      assert.notEqual(await save(netns, family), before);

      const chain = { family, table: "nat", chain: "CNI-abcdef" } as const;
      assert.equal(deleteChainAndItsJumps(socket, chain), true);
      assert.equal(await save(netns, family), before);
      const generation = readGeneration(socket);
      assert.equal(deleteChainAndItsJumps(socket, chain), false);
      assert.equal(readGeneration(socket), generation);
    }),
  );
}

test("deleteRulesByComment finds comments of iptables rules, and leaves the others", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNftSocket(netns);
    const iptables = (...args: string[]) => outputIn(netns, [IPTABLES.ip, "-t", "nat", ...args]);
    await iptables("-A", "POSTROUTING", "-s", "10.1.0.6", "-m", "comment", "--comment", `${COMMENT}2`, "-j", "ACCEPT");
    await iptables("-A", "POSTROUTING", "-s", "10.1.0.7", "-j", "ACCEPT");
    const before = await save(netns, "ip");
    await iptables("-A", "POSTROUTING", "-s", "10.1.0.5", "-m", "comment", "--comment", COMMENT, "-j", "ACCEPT");
    await iptables("-I", "OUTPUT", "-s", "10.1.0.5", "-m", "comment", "--comment", COMMENT, "-j", "ACCEPT");
    assert.equal(
      deleteRulesByComment(socket, { family: "ip", table: "nat" }, (comment) => comment === COMMENT),
      2,
    );
    assert.equal(await save(netns, "ip"), before);
    assert.equal(
      deleteRulesByComment(socket, { family: "ip", table: "nat" }, (comment) => comment === COMMENT),
      0,
    );
  }),
);

/** Tables of the reference plugins' nftables backends, as they name them. */
const REFERENCE_TABLES = `
table inet cni_plugins_masquerade {
  chain masq_checks { ip daddr 10.1.0.0/16 accept comment "aaaa-bbbb, net: n, if: eth0, id: cid"; masquerade comment "aaaa-cccc, net: n, if: eth1, id: cid"; }
  chain postrouting { type nat hook postrouting priority srcnat; ip saddr 10.1.0.5 goto masq_checks comment "aaaa-bbbb, net: n, if: eth0, id: cid"; }
}
table ip cni_hostport {
  chain hostports { tcp dport 8080 dnat to 10.1.0.5:80 comment "cid"; tcp dport 8081 dnat to 10.1.0.6:80 comment "cid2"; }
}
table bridge nat {
  chain cni-br-iface-cid-eth0 { drop comment "macspoofchk-cid-eth0"; }
  chain PREROUTING { type filter hook prerouting priority -300; iifname "veth1" jump cni-br-iface-cid-eth0 comment "macspoofchk-cid-eth0"; iifname "veth2" accept; }
}
`;

test("deleteRulesByComment finds comments of nft rules by prefix and by equality", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNftSocket(netns);
    const { stderr } = await execIn(netns, ["nft", "-f", "-"], { input: REFERENCE_TABLES });
    assert.equal(stderr, "");
    const masquerade = { family: "inet", table: "cni_plugins_masquerade" } as const;
    assert.equal(
      deleteRulesByComment(socket, masquerade, (comment) => comment.startsWith("aaaa-bbbb")),
      2,
    );
    const hostports = { family: "ip", table: "cni_hostport" } as const;
    assert.equal(
      deleteRulesByComment(socket, hostports, (comment) => comment === "cid"),
      1,
    );
    const spoof = { family: "bridge", table: "nat", chain: "cni-br-iface-cid-eth0" } as const;
    assert.equal(deleteChainAndItsJumps(socket, spoof), true);
    const listing = await outputIn(netns, ["nft", "list", "ruleset"]);
    assert.match(listing, /aaaa-cccc/);
    assert.match(listing, /comment "cid2"/);
    assert.match(listing, /iifname "veth2" accept/);
    assert.doesNotMatch(listing, /aaaa-bbbb|comment "cid"|cni-br-iface|veth1/);
  }),
);

test("deleting in a table that does not exist deletes nothing", requireRoot, () =>
  withNetns((netns) => {
    using socket = createNftSocket(netns);
    assert.equal(deleteChainAndItsJumps(socket, { family: "ip", table: "nat", chain: "CNI-x" }), false);
    assert.equal(
      deleteRulesByComment(socket, { family: "ip", table: "nat" }, () => true),
      0,
    );
  }),
);

const PORTMAP = "/usr/lib/cni/portmap";

test(
  "deleteChainAndItsJumps removes the chain of the real portmap plugin",
  { skip: requireRoot.skip || (!existsSync(PORTMAP) && "the reference plugins are not installed") },
  () =>
    withNetns(
      async (netns) => {
        using socket = createNftSocket(netns);
        const config = {
          cniVersion: "1.0.0",
          name: "net",
          type: "portmap",
          runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
          prevResult: {
            cniVersion: "1.0.0",
            interfaces: [{ name: "eth0", sandbox: netns.path }],
            ips: [{ address: "10.1.0.5/16", interface: 0 }],
          },
        };
        const environment = [
          "CNI_COMMAND=ADD",
          "CNI_CONTAINERID=cid",
          "CNI_IFNAME=eth0",
          `CNI_NETNS=${netns.path}`,
          "CNI_PATH=/usr/lib/cni",
        ];
        await outputIn(netns, ["ip", "route", "add", "10.1.0.0/16", "dev", "lo"]);
        const { code, stdout } = await execIn(netns, ["env", ...environment, PORTMAP], {
          input: JSON.stringify(config),
        });
        assert.equal(code, 0, stdout);
        const table = { family: "ip", table: "nat" } as const;
        const chains = () => listChains(socket, table).map(({ chain }) => chain);
        const [podChain, ...others] = chains().filter((chain) => chain.startsWith("CNI-DN-"));
        assert.ok(podChain);
        assert.deepEqual(others, []);
        const kept = chains().filter((chain) => chain !== podChain);
        assert.equal(deleteChainAndItsJumps(socket, { ...table, chain: podChain }), true);
        assert.deepEqual(chains(), kept);
        assert.ok(findChain(socket, { ...table, chain: "CNI-HOSTPORT-DNAT" }));
        assert.doesNotMatch(await save(netns, "ip"), /CNI-DN-|8080/);
      },
      { loopbackUp: true },
    ),
);

test("planChainRemoval deletes jumps and gotos before the chain, and not the chain's own rules one by one", () => {
  const name = { family: "ip", table: "nat", chain: "X" } as const;
  const rules = [
    { ...name, chain: "A", handle: 1, expressions: rule(jump("X")) },
    { ...name, chain: "A", handle: 2, expressions: rule(jump("Y")) },
    { ...name, chain: "B", handle: 3, expressions: rule(goto("X")) },
    { ...name, chain: "X", handle: 4, expressions: rule(verdict("accept")) },
  ];
  assert.deepEqual(planChainRemoval(name, rules), [
    { do: "delete rule", rule: { family: "ip", table: "nat", chain: "A", handle: 1 } },
    { do: "delete rule", rule: { family: "ip", table: "nat", chain: "B", handle: 3 } },
    { do: "flush chain", chain: name },
    { do: "delete chain", chain: name },
  ]);
});
