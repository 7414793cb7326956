import assert from "node:assert/strict";
import { test } from "node:test";
import { createNftSocket, type NftSocket } from "#kernel/nfnetlink/transaction.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot, testNetns } from "#kernel/testing/with-netns.ts";
import { addNat, HostPortTakenError, listNat, missingNat, removeNat } from "./apply.ts";
import type { HostPort, NatState } from "./nat-state.ts";
import { NAT_TABLE } from "./nat-table.ts";

const SUBNET = "10.1.0.0/16";
const masq = (address: string, subnet = SUBNET): NatState => ({ masquerades: [{ address, subnet }], hostPorts: [] });
const port = (address: string, hostPort: number, more: Partial<HostPort> = {}): HostPort => ({
  protocol: "tcp",
  hostPort,
  address,
  containerPort: 80,
  snat: "hairpin",
  subnet: SUBNET,
  ...more,
});
const ports = (...hostPorts: readonly HostPort[]): NatState => ({ masquerades: [], hostPorts });

const owners = (nft: NftSocket): readonly string[] =>
  listNat(nft)
    .map(({ set, comment }) => `${set} ${comment}`)
    .toSorted();

async function withNft(body: (nft: NftSocket, ruleset: () => Promise<string>) => Promise<void>): Promise<void> {
  using netns = testNetns();
  using nft = createNftSocket(netns);
  await body(nft, () => outputIn(netns, ["nft", "list", "ruleset"]));
}

test("removeNat takes away all that addNat made, and the chains of subnets without pods", requireRoot, () =>
  withNft(async (nft, ruleset) => {
    addNat(nft, "net/frame/eth0", masq("10.9.0.1", "10.9.0.0/24"));
    const before = await ruleset();
    const state: NatState = {
      masquerades: [
        { address: "10.1.0.5", subnet: SUBNET },
        { address: "fd01::5", subnet: "fd01::/64" },
      ],
      hostPorts: [
        port("10.1.0.5", 8080),
        port("10.1.0.5", 8081, { hostIp: "192.0.2.1", snat: "all" }),
        port("fd01::5", 8080, { subnet: "fd01::/64", protocol: "udp" }),
        port("10.1.0.5", 8082, { snat: "none", protocol: "sctp" }),
      ],
    };
    for (let round = 0; round < 2; round++) addNat(nft, "net/a/eth0", state);
    assert.equal(listNat(nft).length, 1 + 2 + 2 + 2 + 2 + 1);
    assert.deepEqual(missingNat(nft, "net/a/eth0", state), []);
    for (let round = 0; round < 2; round++) removeNat(nft, "net/a/eth0", state);
    assert.equal(await ruleset(), before);
  }),
);

test("removeNat without a state removes one kind of the owner's elements, and nobody else's", requireRoot, () =>
  withNft(async (nft) => {
    addNat(nft, "net/a/eth0", { ...masq("10.1.0.5"), hostPorts: [port("10.1.0.5", 8080)] });
    addNat(nft, "net/b/eth0", { ...masq("10.1.0.6"), hostPorts: [port("10.1.0.6", 8081)] });
    const ofB = ["hostport_snat4 net/b/eth0", "hostports4 net/b/eth0", "masq4 net/b/eth0"];
    removeNat(nft, "net/a/eth0", "hostPorts");
    assert.deepEqual(owners(nft), [...ofB, "masq4 net/a/eth0"].toSorted());
    removeNat(nft, "net/a/eth0", "masquerades");
    assert.deepEqual(owners(nft), ofB);
  }),
);

test("removeNat leaves an address alone that somebody else has by now", requireRoot, () =>
  withNft(async (nft) => {
    addNat(nft, "net/dead/eth0", masq("10.1.0.5"));
    addNat(nft, "net/heir/eth0", masq("10.1.0.5"));
    removeNat(nft, "net/dead/eth0", masq("10.1.0.5"));
    assert.deepEqual(owners(nft), ["masq4 net/heir/eth0"]);
    assert.deepEqual(missingNat(nft, "net/heir/eth0", masq("10.1.0.5")), []);
    assert.equal(missingNat(nft, "net/dead/eth0", masq("10.1.0.5")).length, 1);
  }),
);

test(
  "addNat refuses a host port that is taken and changes nothing; undoing it leaves the port to its owner",
  requireRoot,
  () =>
    withNft(async (nft, ruleset) => {
      const taken = ports(port("10.1.0.5", 8080));
      addNat(nft, "net/a/eth0", taken);
      const before = await ruleset();
      const wanted = ports(port("10.1.0.6", 8079), port("10.1.0.6", 8080));
      assert.throws(
        () => addNat(nft, "net/b/eth0", wanted),
        (error: unknown) => error instanceof HostPortTakenError && error.owner === "net/a/eth0",
      );
      assert.equal(await ruleset(), before);
      removeNat(nft, "net/b/eth0", wanted);
      assert.equal(await ruleset(), before);
    }),
);

test("addNat makes the table again after somebody has deleted it", requireRoot, () =>
  withNft(async (nft, ruleset) => {
    addNat(nft, "net/a/eth0", masq("10.1.0.5"));
    const before = await ruleset();
    nft.commit([{ do: "delete table", table: NAT_TABLE }], "delete the table");
    assert.equal(missingNat(nft, "net/a/eth0", masq("10.1.0.5")).length, 1);
    removeNat(nft, "net/a/eth0", masq("10.1.0.5"));
    removeNat(nft, "net/a/eth0", "masquerades");
    addNat(nft, "net/a/eth0", masq("10.1.0.5"));
    assert.equal(await ruleset(), before);
  }),
);

/** What another process does between a look at the ruleset and the transaction that was planned from it. */
const RIVALS: Readonly<Record<string, (nft: NftSocket) => void>> = {
  "takes away the last other pod of the subnet": (nft) => removeNat(nft, "net/other/eth0", masq("10.1.0.9")),
  "deletes the table": (nft) => nft.commit([{ do: "delete table", table: NAT_TABLE }], "delete the table"),
  "adds the same": (nft) => addNat(nft, "net/a/eth0", masq("10.1.0.5")),
};

for (const [what, act] of Object.entries(RIVALS)) {
  test(`addNat comes to its end when another process ${what} meanwhile`, requireRoot, () =>
    withNft(async (nft) => {
      addNat(nft, "net/other/eth0", masq("10.1.0.9"));
      let hasActed = false;
      const disturbed: NftSocket = {
        ...nft,
        commit(...args) {
          if (!hasActed) act(nft);
          hasActed = true;
          nft.commit(...args);
        },
      };
      addNat(disturbed, "net/a/eth0", masq("10.1.0.5"));
      assert.deepEqual(missingNat(nft, "net/a/eth0", masq("10.1.0.5")), []);
    }),
  );
}
