import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { parseMacAddress } from "#base/mac-address.ts";
import { isErrno, KernelError } from "../kernel-error.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "../netlink/socket.ts";
import { recordingSocket } from "../testing/recording-socket.ts";
import { execIn, ipJson } from "../testing/run-in-netns.ts";
import { requireRoot, testNetns, withNetns } from "../testing/with-netns.ts";
import { addAddress, listAddresses } from "./address.ts";
import {
  createLink,
  createLinkInNetns,
  createVeth,
  deleteLink,
  deleteLinkGroup,
  deleteLinkGroupOnThread,
  deleteLinkOnThread,
  findLink,
  listLinks,
  setLink,
} from "./link.ts";

const route = NETLINK_ROUTE;

test("createVeth makes both ends in their namespaces, ready for packets", requireRoot, async () => {
  using host = testNetns();
  using pod = testNetns();
  using socket = createNetlinkSocket({ protocol: route, netns: host });
  using podSocket = createNetlinkSocket({ protocol: route, netns: pod });
  const bridge = createLink(socket, { name: "br0", kind: { type: "bridge" }, up: true });
  const veth = createVeth(socket, {
    name: "veth0",
    mac: parseMacAddress("02:00:00:00:00:01"),
    mtu: 1400,
    group: 7,
    master: bridge.ifindex,
    alias: "pod default/web",
    up: true,
    peer: { name: "eth0", netnsFd: pod.fd, mac: parseMacAddress("02:00:00:00:00:02"), mtu: 1400 },
  });
  setLink(podSocket, veth.peerIfindex, { up: true });
  addAddress(socket, { ifindex: bridge.ifindex, prefix: parsePrefix("10.1.0.1/16") });
  addAddress(podSocket, { ifindex: veth.peerIfindex, prefix: parsePrefix("10.1.0.5/16") });

  assert.deepEqual([veth.master, veth.alias, veth.mtu], [bridge.ifindex, "pod default/web", 1400]);
  const [seen] = await ipJson(host, "link", "show", "veth0");
  assert.equal(seen?.["ifindex"], veth.ifindex);
  assert.equal(seen?.["master"], "br0");
  assert.equal(seen?.["mtu"], 1400);
  assert.equal(seen?.["group"], "7");
  assert.equal(seen?.["ifalias"], "pod default/web");
  assert.equal(seen?.["address"], "02:00:00:00:00:01");
  assert.equal(seen?.["link_index"], veth.peerIfindex);
  const [peer] = await ipJson(pod, "link", "show", "eth0");
  assert.equal(peer?.["address"], "02:00:00:00:00:02");
  assert.equal(peer?.["ifindex"], veth.peerIfindex);

  const found = findLink(socket, { name: "veth0" });
  assert.deepEqual(found?.kind, { type: "veth" });
  assert.deepEqual(
    [found.ifindex, found.master, found.group, found.alias, found.link, found.up, found.mac],
    [veth.ifindex, bridge.ifindex, 7, "pod default/web", veth.peerIfindex, true, "02:00:00:00:00:01"],
  );
  const ping = await execIn(pod, ["ping", "-c1", "-W5", "10.1.0.1"]);
  assert.equal(ping.code, 0, ping.stdout + ping.stderr);
});

test("findLink and listAddresses see the other end of a veth by the number of its namespace", requireRoot, () => {
  using host = testNetns();
  using pod = testNetns();
  using socket = createNetlinkSocket({ protocol: route, netns: host });
  using podSocket = createNetlinkSocket({ protocol: route, netns: pod });
  const mac = parseMacAddress("02:00:00:00:00:02");
  const peer = { name: "eth0", netnsFd: pod.fd, mac };
  const { ifindex, peerIfindex } = createVeth(socket, { name: "veth0", ifindex: 71, up: true, peer });
  setLink(podSocket, peerIfindex, { up: true });
  for (const text of ["10.1.0.5/16", "fd00::5/64"]) {
    addAddress(podSocket, { ifindex: peerIfindex, prefix: parsePrefix(text), noDad: true });
  }
  const netnsId = findLink(socket, { ifindex })?.linkNetnsId;
  assert.notEqual(netnsId, undefined);
  const found = findLink(socket, { ifindex: peerIfindex, netnsId });
  assert.deepEqual([found?.name, found?.mac], ["eth0", mac]);
  const addresses = listAddresses(socket, { ifindex: peerIfindex, netnsId }).map(({ prefix }) => prefix.address);
  assert.deepEqual(addresses.filter((one) => !one.startsWith("fe80:")).toSorted(), ["10.1.0.5", "fd00::5"]);
  assert.deepEqual(listAddresses(socket, { ifindex }).length <= 1, true, "its own end has at most a link-local one");
  assert.throws(
    () => listAddresses(socket, { ifindex: 1, netnsId: 4711 }),
    (error) => isErrno(error, "EINVAL"),
  );
});

test("createLink returns the link and throws EEXIST for a name that is taken", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: route, netns });
    const created = createLink(socket, {
      name: "br0",
      kind: { type: "bridge", ageingSeconds: 60, mcastSnooping: false },
    });
    assert.deepEqual(created.kind, {
      type: "bridge",
      ageingSeconds: 60,
      stp: false,
      vlanFiltering: false,
      mcastSnooping: false,
    });
    assert.deepEqual(findLink(socket, { ifindex: created.ifindex })?.mac, created.mac);
    assert.throws(
      () => createLink(socket, { name: "br0", kind: { type: "bridge" } }),
      (error) => isErrno(error, "EEXIST") && error.operation === 'link add "br0" type bridge',
    );
  }),
);

test("createLink makes VXLAN, macvlan and IFB links that `ip` describes alike", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNetlinkSocket({ protocol: route, netns });
    const lower = createLink(socket, { name: "ifb7", kind: { type: "ifb" }, up: true });
    addAddress(socket, { ifindex: lower.ifindex, prefix: parsePrefix("10.9.0.1/24") });
    const vxlan = createLink(socket, {
      name: "vx1",
      mtu: 1450,
      kind: {
        type: "vxlan",
        id: 42,
        port: 8472,
        link: lower.ifindex,
        local: parseAddress("10.9.0.1"),
        group: parseAddress("239.1.1.1"),
        learning: false,
        udpCsum: false,
      },
    });
    const vxlan6 = createLink(socket, {
      name: "vx6",
      kind: { type: "vxlan", id: 6, local: parseAddress("fd00::1"), gbp: true },
    });
    createLink(socket, { name: "mv0", kind: { type: "macvlan", link: lower.ifindex, mode: "bridge" } });

    const data = async (name: string) => (await ipJson(netns, "link", "show", name))[0]?.["linkinfo"];
    const infoOf = async (name: string): Promise<Record<string, unknown>> => {
      const info = await data(name);
      assert.ok(typeof info === "object" && info !== null && "info_data" in info);
      return { ...(typeof info.info_data === "object" ? info.info_data : {}) };
    };
    const seen = await infoOf("vx1");
    assert.deepEqual(
      [seen["id"], seen["port"], seen["link"], seen["local"], seen["group"], seen["learning"], seen["udp_csum"]],
      [42, 8472, "ifb7", "10.9.0.1", "239.1.1.1", false, false],
    );
    const seen6 = await infoOf("vx6");
    assert.deepEqual([seen6["id"], seen6["local6"], seen6["gbp"]], [6, "fd00::1", true]);
    assert.equal((await infoOf("mv0"))["mode"], "bridge");
    assert.equal(vxlan.kind?.type === "vxlan" && vxlan.kind.group, "239.1.1.1");
    assert.equal(vxlan6.kind?.type === "vxlan" && vxlan6.kind.local, "fd00::1");
    assert.deepEqual(findLink(socket, { name: "mv0" })?.kind, {
      type: "macvlan",
      link: lower.ifindex,
      mode: "bridge",
      bcQueueLength: 1000,
    });
  }),
);

test("createLinkInNetns puts a macvlan into another namespace than its lower link", requireRoot, async () => {
  using host = testNetns();
  using pod = testNetns();
  using socket = createNetlinkSocket({ protocol: route, netns: host });
  using podSocket = createNetlinkSocket({ protocol: route, netns: pod });
  const lower = createLink(socket, { name: "ifb7", kind: { type: "ifb" }, up: true });
  createLinkInNetns(socket, pod.fd, { name: "eth0", kind: { type: "macvlan", link: lower.ifindex, mode: "bridge" } });
  assert.equal(findLink(podSocket, { name: "eth0" })?.link, lower.ifindex);
  assert.equal(findLink(socket, { name: "eth0" }), undefined);
});

test("setLink changes every setting, flags of the port after the master", requireRoot, () =>
  withNetns(async (netns) => {
    using other = testNetns();
    using socket = createNetlinkSocket({ protocol: route, netns });
    const bridge = createLink(socket, { name: "br0", kind: { type: "bridge" } });
    const { ifindex } = createVeth(socket, { name: "veth0", peer: { name: "veth1" } });
    setLink(socket, ifindex, {
      name: "port0",
      mtu: 1300,
      mac: parseMacAddress("02:00:00:00:00:09"),
      group: 3,
      alias: "x",
      promisc: true,
      up: true,
      txQueueLength: 77,
      master: bridge.ifindex,
      bridgePort: { hairpin: true, isolated: true, learning: false },
    });
    const [seen] = await ipJson(netns, "link", "show", "port0");
    assert.deepEqual(
      [seen?.["mtu"], seen?.["address"], seen?.["group"], seen?.["ifalias"], seen?.["txqlen"], seen?.["master"]],
      [1300, "02:00:00:00:00:09", "3", "x", 77, "br0"],
    );
    const link = findLink(socket, { ifindex });
    assert.ok(link?.bridgePort);
    const { hairpin, isolated, learning } = link.bridgePort;
    assert.deepEqual([hairpin, isolated, learning, link.promiscuity, link.up], [true, true, false, 2, true]);

    setLink(socket, ifindex, { master: 0, promisc: false, up: false });
    const freed = findLink(socket, { ifindex });
    assert.deepEqual(
      [freed?.master, freed?.promiscuity, freed?.up, freed?.bridgePort],
      [undefined, 0, false, undefined],
    );

    setLink(socket, ifindex, { netnsFd: other.fd, name: "moved" });
    using otherSocket = createNetlinkSocket({ protocol: route, netns: other });
    assert.equal(findLink(otherSocket, { name: "moved" })?.mtu, 1300);
    assert.equal(findLink(socket, { ifindex }), undefined);
  }),
);

test("listLinks filters by master, kind and group", requireRoot, () =>
  withNetns((netns) => {
    using socket = createNetlinkSocket({ protocol: route, netns });
    const bridge = createLink(socket, { name: "br0", kind: { type: "bridge" } });
    for (let index = 0; index < 100; index++) {
      createVeth(socket, { name: `a${index}`, master: bridge.ifindex, group: index % 2, peer: { name: `b${index}` } });
    }
    assert.equal(listLinks(socket).length, 202);
    assert.equal(listLinks(socket, { master: bridge.ifindex }).length, 100);
    assert.equal(listLinks(socket, { kind: "bridge" }).length, 1);
    assert.equal(listLinks(socket, { group: 1 }).length, 50);
  }),
);

test("findLink answers undefined for a link that is not there", requireRoot, () =>
  withNetns((netns) => {
    using socket = createNetlinkSocket({ protocol: route, netns });
    assert.equal(findLink(socket, { name: "nope" }), undefined);
    assert.equal(findLink(socket, { ifindex: 4711 }), undefined);
    assert.equal(findLink(socket, { name: "lo" })?.kind, undefined);
  }),
);

const deletions: Readonly<Record<string, (socket: Parameters<typeof deleteLink>[0], ifindex: number) => unknown>> = {
  deleteLink,
  deleteLinkOnThread,
  deleteLinkGroup: (socket) => deleteLinkGroup(socket, 9),
  deleteLinkGroupOnThread: (socket) => deleteLinkGroupOnThread(socket, 9),
};

for (const [name, remove] of Object.entries(deletions)) {
  test(`${name} deletes both ends; a second time throws ENODEV`, requireRoot, () =>
    withNetns(async (netns) => {
      using socket = createNetlinkSocket({ protocol: route, netns });
      const { ifindex } = createVeth(socket, { name: "veth0", group: 9, peer: { name: "veth1" } });
      await remove(socket, ifindex);
      assert.deepEqual(
        (await ipJson(netns, "link")).map((link) => link["ifname"]),
        ["lo"],
      );
      await assert.rejects(
        async () => remove(socket, ifindex),
        (error) => isErrno(error, "ENODEV"),
      );
    }),
  );
}

test("deleteLinkGroup refuses group 0, which is every link", () => {
  assert.throws(() => deleteLinkGroup(recordingSocket(), 0), RangeError);
});

test("KernelError carries the kernel's own explanation", requireRoot, () =>
  withNetns((netns) => {
    using socket = createNetlinkSocket({ protocol: route, netns });
    assert.throws(
      () => createLink(socket, { name: "vx0", kind: { type: "vxlan", id: 1 << 25 } }),
      (error) => error instanceof KernelError && error.extack !== "" && error.message.includes(`(${error.extack})`),
    );
  }),
);
