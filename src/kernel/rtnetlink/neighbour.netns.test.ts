import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { parseMacAddress } from "#base/mac-address.ts";
import { isErrno } from "../kernel-error.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "../netlink/socket.ts";
import { ipJson, outputIn } from "../testing/run-in-netns.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { addAddress } from "./address.ts";
import { addBridgeVlans } from "./bridge-vlan.ts";
import { addFdbEntry, appendFdbEntry, deleteFdbEntry, listFdb, replaceFdbEntry } from "./fdb.ts";
import { createLink, createVeth, setLink } from "./link.ts";
import { addNeighbour, deleteNeighbour, listNeighbours, replaceNeighbour } from "./neighbour.ts";

const first = parseMacAddress("02:00:00:00:00:07");
const second = parseMacAddress("02:00:00:00:00:08");

for (const { address: text, flag } of [
  { address: "10.1.0.7", flag: "-4" },
  { address: "fd00::7", flag: "-6" },
]) {
  test(`neighbours are added, replaced, listed and deleted as ip ${flag} neighbour shows them`, requireRoot, () =>
    withNetns(async (netns) => {
      using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
      const { ifindex, peerIfindex } = createVeth(socket, { name: "eth0", peer: { name: "eth1" } });
      // In this order the carrier is there from the start: the kernel forgets neighbours of a link that loses it.
      for (const end of [peerIfindex, ifindex]) setLink(socket, end, { up: true });
      const address = parseAddress(text);
      const seen = () => ipJson(netns, flag, "neighbour", "show", "dev", "eth0", "nud", "all");
      const own = async () => (await seen()).find((entry) => entry["dst"] === text);

      addNeighbour(socket, { ifindex, address, mac: first });
      assert.deepEqual([(await own())?.["lladdr"], (await own())?.["state"]], [first, ["PERMANENT"]]);
      assert.throws(
        () => addNeighbour(socket, { ifindex, address, mac: first }),
        (error) => isErrno(error, "EEXIST"),
      );
      replaceNeighbour(socket, { ifindex, address, mac: second, state: "noarp" });
      assert.deepEqual([(await own())?.["lladdr"], (await own())?.["state"]], [second, ["NOARP"]]);
      const listed = listNeighbours(socket, { ifindex }).find((entry) => entry.address === address);
      assert.deepEqual([listed?.mac, listed?.state, listed?.proxy], [second, "noarp", false]);
      deleteNeighbour(socket, { ifindex, address });
      assert.deepEqual((await own())?.["lladdr"], undefined);

      addNeighbour(socket, { ifindex, address, proxy: true });
      assert.match(await outputIn(netns, ["ip", flag, "neighbour", "show", "proxy"]), new RegExp(`^${text} dev eth0`));
      assert.deepEqual(
        listNeighbours(socket, { ifindex, proxy: true }).map((entry) => entry.address),
        [address],
      );
      deleteNeighbour(socket, { ifindex, address, proxy: true });
      assert.deepEqual(listNeighbours(socket, { proxy: true }), []);
    }),
  );
}

test("forwarding entries of a VXLAN link are added, appended, replaced and deleted", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const lower = createLink(socket, { name: "ifb0", kind: { type: "ifb" }, up: true });
    addAddress(socket, { ifindex: lower.ifindex, prefix: parsePrefix("10.9.0.1/24") });
    const local = parseAddress("10.9.0.1");
    const { ifindex } = createLink(socket, { name: "vx0", up: true, kind: { type: "vxlan", id: 1, local } });
    const seen = async () => JSON.parse(await outputIn(netns, ["bridge", "-j", "fdb", "show", "dev", "vx0"]));

    addFdbEntry(socket, { ifindex, mac: first, destination: parseAddress("10.9.0.8"), port: 4789, vni: 5 });
    assert.deepEqual(await seen(), [
      { mac: first, flags: ["self"], state: "permanent", dst: "10.9.0.8", port: 4789, vni: 5 },
    ]);
    replaceFdbEntry(socket, { ifindex, mac: first, destination: parseAddress("10.9.0.9") });
    assert.deepEqual(
      listFdb(socket, { ifindex }).map((entry) => entry.destination),
      ["10.9.0.9"],
    );
    assert.throws(
      () => addFdbEntry(socket, { ifindex, mac: first, destination: parseAddress("10.9.0.9") }),
      (error) => isErrno(error, "EEXIST"),
    );
    deleteFdbEntry(socket, { ifindex, mac: first });

    const flood = parseMacAddress("00:00:00:00:00:00");
    for (const text of ["10.9.0.2", "10.9.0.3"]) {
      appendFdbEntry(socket, { ifindex, mac: flood, destination: parseAddress(text) });
    }
    assert.deepEqual(
      listFdb(socket, { ifindex }).map((entry) => entry.destination),
      ["10.9.0.2", "10.9.0.3"],
    );
    deleteFdbEntry(socket, { ifindex, mac: flood, destination: parseAddress("10.9.0.2") });
    assert.deepEqual(
      listFdb(socket, { ifindex }).map((entry) => entry.destination),
      ["10.9.0.3"],
    );
  }),
);

test("forwarding entries of a bridge's port belong to the master", requireRoot, () =>
  withNetns((netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const bridge = createLink(socket, { name: "br0", kind: { type: "bridge" } });
    const port = createVeth(socket, { name: "veth0", master: bridge.ifindex, peer: { name: "veth1" } });
    addFdbEntry(socket, { ifindex: port.ifindex, mac: first, owner: "master", state: "noarp" });
    const entry = listFdb(socket, { master: bridge.ifindex }).find(({ mac }) => mac === first);
    assert.deepEqual([entry?.owner, entry?.state, entry?.master], ["master", "noarp", bridge.ifindex]);
  }),
);

test("addBridgeVlans reaches the kernel, or is told that it cannot filter VLANs", requireRoot, (context) =>
  withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
    const bridge = createLink(socket, { name: "br0", kind: { type: "bridge" } });
    const { ifindex } = createVeth(socket, { name: "veth0", master: bridge.ifindex, peer: { name: "veth1" } });
    try {
      addBridgeVlans(socket, { ifindex }, [{ vid: 100, vidEnd: 110 }]);
    } catch (error) {
      assert.ok(isErrno(error, "EOPNOTSUPP"), String(error));
      context.skip("this kernel has no CONFIG_BRIDGE_VLAN_FILTERING");
      return;
    }
    const text = await outputIn(netns, ["bridge", "-c", "-j", "vlan", "show", "dev", "veth0"]);
    assert.match(text, /"vlan":100,"vlanEnd":110/);
  }),
);
