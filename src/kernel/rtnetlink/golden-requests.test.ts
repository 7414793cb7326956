/**
 * What the verbs send is what `ip` and `bridge` of iproute2 6.1.0 send on Linux 6.18, captured from their sendmsg.
 * Attributes are compared as trees: their order, NLA_F_NESTED and the length of a text's NUL carry no meaning.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "#base/codec/codec.ts";
import { type Prefix, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { parseMacAddress } from "#base/mac-address.ts";
import { eachAttribute } from "../netlink/attributes.ts";
import { NLM_F_ACK, NLM_F_ECHO, NLM_F_REQUEST } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { recordingSocket } from "../testing/recording-socket.ts";
import { addAddress } from "./address.ts";
import { addBridgeVlans } from "./bridge-vlan.ts";
import { appendFdbEntry } from "./fdb.ts";
import { createLink, deleteLinkGroup, setLink } from "./link.ts";
import { emptyLinkMessage, linkMessage, RTM_NEWLINK } from "./link-messages.ts";
import { replaceNeighbour } from "./neighbour.ts";
import { addRoute, deleteRoute } from "./route.ts";
import { addRule } from "./rule.ts";

/** Attribute types whose payload is attributes too; `header` bytes stand before them. */
interface Nested {
  readonly header?: number;
  readonly [type: number]: Nested;
}

interface Golden {
  readonly command: string;
  readonly hex: string;
  readonly header: number;
  readonly nested?: Nested;
  send(socket: NetlinkSocket): void;
}

const prefix = (text: string): Prefix => parsePrefix(text);
const address = parseAddress;
const mac = parseMacAddress;

const linkInfo: Nested = { 18: { 2: { 1: { header: 16 } } } };
const portInfo: Nested = { 18: { 5: {} } };

const golden: readonly Golden[] = [
  {
    command:
      "ip link add v0 index 70 address 02:00:00:00:00:01 mtu 1400 group 5 type veth peer name v1 address 02:00:00:00:00:02 mtu 1400",
    hex: "8400000010000506f58b016b00000000000000004600000000000000000000000a0001000200000000010000080004007805000008001b000500000007000300763000004000120008000100766574683400020030000100000000000000000000000000000000000a000100020000000002000008000400780500000700030076310000",
    header: 16,
    nested: linkInfo,
    send: (socket) =>
      createLink(socket, {
        name: "v0",
        ifindex: 70,
        mac: mac("02:00:00:00:00:01"),
        mtu: 1400,
        group: 5,
        kind: { type: "veth", peer: { name: "v1", mac: mac("02:00:00:00:00:02"), mtu: 1400 } },
      }),
  },
  {
    command: "ip link add vx0 type vxlan id 1 dev d0 local 10.9.0.1 dstport 8472 nolearning",
    hex: "6400000010000506f58b016b000000000000000000000000000000000000000008000300767830003c0012000900010076786c616e0000002c00020008000300030000000800010001000000080004000a090001050007000000000006000f0021180000",
    header: 16,
    nested: { 18: { 2: {} } },
    send: (socket) =>
      createLink(socket, {
        name: "vx0",
        kind: { type: "vxlan", id: 1, link: 3, local: address("10.9.0.1"), port: 8472, learning: false },
      }),
  },
  {
    command: "ip link add br1 type bridge ageing_time 6000 mcast_snooping 0",
    hex: "4c00000010000506f58b016b00000000000000000000000000000000000000000800030062723100240012000a00010062726964676500001400020008000400701700000500170000000000",
    header: 16,
    nested: { 18: { 2: {} } },
    send: (socket) =>
      createLink(socket, { name: "br1", kind: { type: "bridge", ageingSeconds: 60, mcastSnooping: false } }),
  },
  {
    command: "ip link set v0 master br0",
    hex: "2800000010000500f68b016b000000000000000046000000000000000000000008000a0002000000",
    header: 16,
    send: (socket) => setLink(socket, 70, { master: 2 }),
  },
  {
    // Captured with IFLA_INFO_KIND "bridge_slave"; changed here to IFLA_INFO_SLAVE_KIND "bridge", as answers have it.
    command: "ip link set v0 type bridge_slave hairpin on isolated on",
    hex: "4400000010000500f68b016b0000000000000000460000000000000000000000240012000b00040062726964676500001400050005000400010000000500210001000000",
    header: 16,
    nested: portInfo,
    send: (socket) => setLink(socket, 70, { bridgePort: { hairpin: true, isolated: true } }),
  },
  {
    command: "ip link set v0 up",
    hex: "2000000010000500f68b016b0000000000000000460000000100000001000000",
    header: 16,
    send: (socket) => setLink(socket, 70, { up: true }),
  },
  {
    command: "ip link del group 5",
    hex: "2800000011000500f88b016b000000000000000000000000000000000000000008001b0005000000",
    header: 16,
    send: (socket) => deleteLinkGroup(socket, 5),
  },
  {
    command: "ip addr add 10.1.0.5/16 broadcast 10.1.255.255 dev v0",
    hex: "3000000014000506f68b016b000000000210000046000000080002000a010005080004000a01ffff080001000a010005",
    header: 8,
    send: (socket) =>
      addAddress(socket, { ifindex: 70, prefix: prefix("10.1.0.5/16"), broadcast: address("10.1.255.255") }),
  },
  {
    command: "ip route add 10.2.0.0/16 via 10.9.0.2 dev d0 src 10.9.0.1 metric 5 mtu 1400 table 1000 proto 99",
    hex: "5800000018000506f68b016b00000000021000000063000100000000080001000a020000080005000a090002080007000a090001080006000500000008000f00e803000008000400030000000c0008000800020078050000",
    header: 12,
    nested: { 8: {} },
    send: (socket) =>
      addRoute(socket, {
        destination: prefix("10.2.0.0/16"),
        gateway: address("10.9.0.2"),
        oif: 3,
        src: address("10.9.0.1"),
        priority: 5,
        mtu: 1400,
        table: 1000,
        protocol: 99,
      }),
  },
  {
    command: "ip route add default via 169.254.1.1 dev d0 onlink table 100",
    hex: "2c00000018000506f68b016b0000000002000000640300010400000008000500a9fe01010800040003000000",
    header: 12,
    send: (socket) =>
      addRoute(socket, {
        destination: prefix("0.0.0.0/0"),
        gateway: address("169.254.1.1"),
        oif: 3,
        onlink: true,
        table: 100,
      }),
  },
  {
    command: "ip route add unreachable 10.3.0.0/16",
    hex: "2400000018000506f68b016b0000000002100000fe03000700000000080001000a030000",
    header: 12,
    send: (socket) => addRoute(socket, { destination: prefix("10.3.0.0/16"), type: "unreachable" }),
  },
  {
    command: "ip route add 10.4.0.0/16 nexthop via 10.9.0.2 dev d0 weight 1 nexthop via 10.9.0.3 dev d0 weight 2",
    hex: "4800000018000506f68b016b0000000002100000fe03000100000000080001000a040000240009001000000003000000080005000a0900021000000103000000080005000a090003",
    header: 12,
    send: (socket) =>
      addRoute(socket, {
        destination: prefix("10.4.0.0/16"),
        nextHops: [
          { gateway: address("10.9.0.2"), oif: 3 },
          { gateway: address("10.9.0.3"), oif: 3, weight: 2 },
        ],
      }),
  },
  {
    command: "ip route add fd01::/64 via fd00::1 dev v0",
    hex: "4c00000018000506f78b016b000000000a400000fe0300010000000014000100fd01000000000000000000000000000014000500fd0000000000000000000000000000010800040046000000",
    header: 12,
    send: (socket) => addRoute(socket, { destination: prefix("fd01::/64"), gateway: address("fd00::1"), oif: 70 }),
  },
  {
    command: "ip route del 10.3.0.0/16",
    hex: "2400000019000500f78b016b0000000002100000fe00ff0000000000080001000a030000",
    header: 12,
    send: (socket) => deleteRoute(socket, { destination: prefix("10.3.0.0/16") }),
  },
  {
    command: "ip neigh replace 10.9.0.7 lladdr 02:00:00:00:00:07 dev d0 nud permanent",
    hex: "300000001c000505f88b016b00000000020000000300000080000000080001000a0900070a0002000200000000070000",
    header: 12,
    send: (socket) =>
      replaceNeighbour(socket, { ifindex: 3, address: address("10.9.0.7"), mac: mac("02:00:00:00:00:07") }),
  },
  {
    // Captured with state 0xc0; NUD_NOARP (0x40) says nothing beside NUD_PERMANENT, and is left out here.
    command: "bridge fdb append 02:00:00:00:00:08 dev vx0 dst 10.9.0.8 self permanent",
    hex: "300000001c00050cf88b016b000000000700000005000000800002000a0002000200000000080000080001000a090008",
    header: 12,
    send: (socket) =>
      appendFdbEntry(socket, { ifindex: 5, mac: mac("02:00:00:00:00:08"), destination: address("10.9.0.8") }),
  },
  {
    command: "ip rule add priority 100 from 10.1.0.0/16 fwmark 0x10/0xf0 lookup 1000",
    hex: "4400000020000506f78b016b000000000200100000000001000000000800060064000000080002000a01000008000a001000000008001000f000000008000f00e8030000",
    header: 12,
    send: (socket) =>
      addRule(socket, {
        family: 4,
        priority: 100,
        from: prefix("10.1.0.0/16"),
        fwmark: 0x10,
        fwmask: 0xf0,
        table: 1000,
      }),
  },
  {
    command: "bridge vlan add vid 100-110 dev v0",
    hex: "3400000013000500f88b016b000000000700000046000000000000000000000014001a0008000200080064000800020010006e00",
    header: 16,
    send: (socket) => addBridgeVlans(socket, { ifindex: 70 }, [{ vid: 100, vidEnd: 110 }]),
  },
  {
    command: "bridge vlan add vid 5 pvid untagged dev br0 self",
    hex: "3400000013000500f88b016b000000000700000002000000000000000000000014001a0006000000020000000800020006000500",
    header: 16,
    send: (socket) => addBridgeVlans(socket, { ifindex: 2, self: true }, [{ vid: 5, pvid: true, untagged: true }]),
  },
];

const NETLINK_HEADER = 16;
const REQUEST_FLAGS = NLM_F_REQUEST | NLM_F_ACK | NLM_F_ECHO;

test("requests equal those of iproute2, attribute by attribute", async (context) => {
  for (const { command, hex, header, nested = {}, send } of golden) {
    await context.test(command, () => {
      const bytes = Buffer.from(hex, "hex");
      const created = { type: RTM_NEWLINK, flags: 0, sequence: 0, portId: 0 };
      const payload = encode(linkMessage, { ...emptyLinkMessage, index: 70, name: "v0", link: 71 });
      const socket = recordingSocket([{ ...created, payload }]);
      send(socket);
      const [request] = socket.requests;
      assert.ok(request);
      assert.equal(request.type, bytes.readUInt16LE(4));
      assert.equal((request.flags ?? 0) & ~REQUEST_FLAGS, bytes.readUInt16LE(6) & ~REQUEST_FLAGS);
      assert.deepEqual(
        tree(request.payload, { ...nested, header }),
        tree(bytes.subarray(NETLINK_HEADER), { ...nested, header }),
      );
    });
  }
});

/** IFLA_INFO_KIND and IFLA_INFO_SLAVE_KIND: `ip` leaves out the NUL. */
const texts: ReadonlySet<string> = new Set(["18/1", "18/4"]);

/** Lines `18/2/1: hex` of all attributes and headers, sorted. */
function tree(bytes: Buffer, nested: Nested, path = ""): readonly string[] {
  const header = nested.header ?? 0;
  const lines = header > 0 ? [`${path}header: ${bytes.subarray(0, header).toString("hex")}`] : [];
  eachAttribute(bytes, header, bytes.length, (type, start, end) => {
    const payload = bytes.subarray(start, end);
    const inner = nested[type];
    if (inner) lines.push(...tree(payload, inner, `${path}${type}/`));
    else lines.push(`${path}${type}: ${payload.toString("hex").replace(texts.has(path + type) ? /00$/ : "", "")}`);
  });
  return lines.sort();
}
