import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { isErrno } from "../kernel-error.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "../netlink/socket.ts";
import { ipJson } from "../testing/run-in-netns.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { addAddress, deleteAddress, listAddresses, replaceAddress } from "./address.ts";
import { scopes } from "./family.ts";
import { createVeth, setLink } from "./link.ts";

async function withVeth(
  body: (context: {
    socket: ReturnType<typeof createNetlinkSocket>;
    ifindex: number;
    seen: () => Promise<readonly Record<string, unknown>[]>;
  }) => Promise<void> | void,
): Promise<void> {
  await withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const { ifindex, peerIfindex } = createVeth(socket, { name: "veth0", up: true, peer: { name: "veth1" } });
    setLink(socket, peerIfindex, { up: true });
    const seen = async () => {
      const [link] = await ipJson(netns, "address", "show", "dev", "veth0");
      return Array.isArray(link?.["addr_info"]) ? link["addr_info"] : [];
    };
    await body({ socket, ifindex, seen });
  });
}

test("addAddress sets broadcast, scope, peer and flags as `ip` shows them", requireRoot, () =>
  withVeth(async ({ socket, ifindex, seen }) => {
    addAddress(socket, {
      ifindex,
      prefix: parsePrefix("10.1.0.5/16"),
      broadcast: parseAddress("10.1.255.255"),
      scope: scopes.link,
      noPrefixRoute: true,
    });
    addAddress(socket, { ifindex, prefix: parsePrefix("10.7.0.1/32"), peer: parseAddress("10.7.0.2") });
    addAddress(socket, { ifindex, prefix: parsePrefix("fd00::5/64"), noDad: true });
    const all = await seen();
    const of = (local: string) => all.find((entry) => entry["local"] === local) ?? {};
    assert.deepEqual(
      [of("10.1.0.5")["broadcast"], of("10.1.0.5")["scope"], of("10.1.0.5")["noprefixroute"]],
      ["10.1.255.255", "link", true],
    );
    assert.equal(of("10.7.0.1")["address"], "10.7.0.2");
    assert.deepEqual(
      [of("fd00::5")["nodad"], of("fd00::5")["prefixlen"], of("fd00::5")["tentative"]],
      [true, 64, undefined],
    );

    const listed = listAddresses(socket, { ifindex });
    const find = (address: string) => listed.find((entry) => entry.prefix.address === address);
    assert.equal(find("10.7.0.1")?.peer, "10.7.0.2");
    assert.equal(find("10.1.0.5")?.peer, undefined);
    assert.deepEqual([find("fd00::5")?.noDad, find("fd00::5")?.tentative], [true, false]);
  }),
);

test("addAddress throws EEXIST, replaceAddress changes the flags of what is there", requireRoot, () =>
  withVeth(async ({ socket, ifindex, seen }) => {
    const prefix = parsePrefix("fd00::5/64");
    addAddress(socket, { ifindex, prefix, noDad: true });
    assert.throws(
      () => addAddress(socket, { ifindex, prefix }),
      (error) => isErrno(error, "EEXIST"),
    );
    replaceAddress(socket, { ifindex, prefix, noDad: true, noPrefixRoute: true });
    const entry = (await seen()).find((address) => address["local"] === "fd00::5");
    assert.equal(entry?.["noprefixroute"], true);
  }),
);

test("deleteAddress takes the address away; a second time throws EADDRNOTAVAIL", requireRoot, () =>
  withVeth(async ({ socket, ifindex, seen }) => {
    for (const text of ["10.1.0.5/16", "fd00::5/64"]) {
      const prefix = parsePrefix(text);
      addAddress(socket, { ifindex, prefix });
      deleteAddress(socket, { ifindex, prefix });
      assert.ok((await seen()).every((entry) => entry["local"] !== prefix.address));
      assert.throws(
        () => deleteAddress(socket, { ifindex, prefix }),
        (error) => isErrno(error, "EADDRNOTAVAIL"),
      );
    }
  }),
);

test("listAddresses filters by link and by family", requireRoot, () =>
  withVeth(({ socket, ifindex }) => {
    const peer = ifindex - 1;
    addAddress(socket, { ifindex, prefix: parsePrefix("10.1.0.5/16") });
    addAddress(socket, { ifindex: peer, prefix: parsePrefix("10.2.0.5/16") });
    const texts = (filter: Parameters<typeof listAddresses>[1]) =>
      listAddresses(socket, filter).map(({ prefix }) => prefix.address);
    assert.deepEqual(texts({ ifindex, family: 4 }), ["10.1.0.5"]);
    assert.deepEqual(texts({ family: 4 }).sort(), ["10.1.0.5", "10.2.0.5"]);
    assert.ok(texts({ family: 6 }).every((address) => address.startsWith("fe80::")));
  }),
);
