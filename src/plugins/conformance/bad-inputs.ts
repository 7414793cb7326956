/** Calls that have to be refused: code and parts of the message. Texts are the reference's where callers match on them. */
import { join } from "node:path";
import type { JsonObject } from "#base/json.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { bridgeConfig, hostLocal, type Pod, portmapConfig, SUBNET, SUBNET_6 } from "./attach.ts";
import type { VerbInput, World } from "./world.ts";

export interface BusyNode {
  readonly world: World;
  /** Runs as container c0, with masquerade and host port 8080. */
  readonly pod: Pod;
  /** Namespace of a pod that is to be added. */
  readonly fresh: Netns;
}

export interface BadInput {
  readonly name: string;
  /** Default: ADD. */
  readonly verb?: string;
  /** Default: bridge. */
  readonly type?: string;
  readonly code: number;
  readonly message: string | readonly string[];
  readonly details?: string;
  readonly input: (node: BusyNode) => VerbInput;
  /** It is refused only behind IPAM, which then remembers that it gave the address last. */
  readonly gotAddress?: true;
}

/** Folder of reservations, below that of the world, in which this address is taken. */
export const FULL = "full";
export const LAST_ADDRESS = "10.1.0.250";

/** A bridge configuration with a fault. */
const bridge =
  (more: JsonObject) =>
  ({ world }: BusyNode): VerbInput => ({ config: bridgeConfig(world, more) });

/** One whose ranges have a fault. */
const ranges =
  (...sets: readonly JsonObject[][]) =>
  ({ world }: BusyNode): VerbInput => ({
    config: bridgeConfig(world, { ipam: { ...hostLocal(world), ranges: sets } }),
  });

/** Standard input as it is. */
const stdin =
  (text: string | ((node: BusyNode) => string)) =>
  (node: BusyNode): VerbInput => ({ config: typeof text === "string" ? text : text(node) });

/** A good configuration with a fault in a variable. */
const variable =
  (environment: Readonly<Record<string, string | undefined>>) =>
  ({ world }: BusyNode): VerbInput => ({ config: bridgeConfig(world), environment });

/** A chained portmap with a fault. */
const ports =
  (mapping: JsonObject, more: JsonObject = {}) =>
  ({ pod }: BusyNode): VerbInput => ({ ...pod.input, config: portmapConfig(pod, [mapping], more) });

const PORT = { hostPort: 9000, containerPort: 80, protocol: "tcp" };

const front: readonly BadInput[] = [
  { name: "unknown verb", verb: "FOO", code: 4, message: "unknown CNI_COMMAND: FOO", input: bridge({}) },
  { name: "verb in lower case", verb: "add", code: 4, message: "unknown CNI_COMMAND: add", input: bridge({}) },
  {
    name: "no container ID",
    code: 4,
    message: "required env variables [CNI_CONTAINERID] missing",
    input: variable({ CNI_CONTAINERID: undefined }),
  },
  {
    name: "no variables at all",
    code: 4,
    message: "required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH] missing",
    input: variable({ CNI_CONTAINERID: "", CNI_NETNS: "", CNI_IFNAME: undefined, CNI_PATH: undefined }),
  },
  { name: "no namespace", code: 4, message: "[CNI_NETNS] missing", input: variable({ CNI_NETNS: "" }) },
  {
    name: "container ID with a slash",
    code: 4,
    message: "invalid characters in containerID",
    details: "../c1",
    input: variable({ CNI_CONTAINERID: "../c1" }),
  },
  {
    name: "long interface name",
    code: 4,
    message: "interface name is too long",
    input: variable({ CNI_IFNAME: "abcdefghijklmnop" }),
  },
  { name: "interface name ..", code: 4, message: "interface name is . or ..", input: variable({ CNI_IFNAME: ".." }) },
  {
    name: "interface name with a colon",
    code: 4,
    message: "interface name contains / or : or whitespace characters",
    input: variable({ CNI_IFNAME: "eth0:1" }),
  },
  { name: "CNI_ARGS without =", code: 4, message: 'invalid pair "A"', input: variable({ CNI_ARGS: "A" }) },
  { name: "CNI_ARGS unknown", code: 4, message: 'unknown args ["A=b"]', input: variable({ CNI_ARGS: "A=b" }) },
  { name: "CNI_ARGS bad MAC", code: 4, message: "zz", input: variable({ CNI_ARGS: "MAC=zz" }) },
  { name: "empty stdin", code: 6, message: "error unmarshall network config", input: stdin("") },
  { name: "junk on stdin", code: 6, message: "error unmarshall network config", input: stdin("junk\0{}") },
  {
    name: "cut short",
    code: 6,
    message: "error unmarshall network config",
    input: stdin(({ world }) => JSON.stringify(bridgeConfig(world)).slice(0, -5)),
  },
  { name: "a list on stdin", code: 6, message: "error unmarshall network config", input: stdin("[1]") },
  { name: "no name", code: 7, message: "missing network name", input: bridge({ name: "" }) },
  { name: "bad name", code: 7, message: "invalid characters found in network name", input: bridge({ name: "a/b" }) },
  { name: "version of the wrong type", code: 6, message: "cniVersion", input: bridge({ cniVersion: 1 }) },
  {
    name: "unknown version",
    code: 1,
    message: "incompatible CNI versions",
    details: 'config is "9.9.9", plugin supports ["0.1.0"',
    input: bridge({ cniVersion: "9.9.9" }),
  },
  {
    name: "CHECK before 0.4.0",
    verb: "CHECK",
    code: 1,
    message: "config version does not allow CHECK",
    input: bridge({ cniVersion: "0.3.1" }),
  },
  {
    name: "GC before 1.1.0",
    verb: "GC",
    code: 1,
    message: "config version does not allow GC",
    input: bridge({ cniVersion: "1.0.0" }),
  },
  {
    name: "GC with a list of the wrong type",
    verb: "GC",
    code: 6,
    message: "cni.dev/valid-attachments",
    input: bridge({ "cni.dev/valid-attachments": {} }),
  },
];

const types: readonly BadInput[] = [
  { name: "isGateway is a string", code: 6, message: ['"isGateway"', '"yes"'], input: bridge({ isGateway: "yes" }) },
  { name: "mtu is a string", code: 6, message: ['"mtu"', '"1500"'], input: bridge({ mtu: "1500" }) },
  { name: "mtu is a fraction", code: 6, message: ['"mtu"', "1500.5"], input: bridge({ mtu: 1500.5 }) },
  { name: "vlanTrunk is an object", code: 6, message: '"vlanTrunk"', input: bridge({ vlanTrunk: {} }) },
  { name: "ipam is a string", code: 6, message: '"ipam"', input: bridge({ ipam: "host-local" }) },
  {
    name: "ranges is an object",
    code: 6,
    message: "ranges",
    input: bridge({ ipam: { type: "host-local", ranges: {} } }),
  },
  { name: "subnet is a number", code: 6, message: "subnet", input: ranges([{ subnet: 5 }]) },
  {
    name: "nameservers is a string",
    code: 6,
    message: "nameservers",
    input: bridge({ dns: { nameservers: "a" } }),
  },
  { name: "prevResult is a string", verb: "CHECK", code: 6, message: "prevResult", input: bridge({ prevResult: "a" }) },
];

const values: readonly BadInput[] = [
  { name: "vlan out of range", code: 7, message: ['"vlan"', "5000"], input: bridge({ vlan: 5000 }) },
  { name: "trunk without maxID", code: 7, message: "maxID is required", input: bridge({ vlanTrunk: [{ minID: 5 }] }) },
  { name: "MTU too small", code: 7, message: "mtu 67", input: bridge({ mtu: 67 }) },
  { name: "MTU too large", code: 7, message: ['"mtu"', "65536"], input: bridge({ mtu: 65536 }) },
  { name: "MTU negative", code: 7, message: ['"mtu"', "-1"], input: bridge({ mtu: -1 }) },
  {
    name: "MTU too small for IPv6",
    code: 7,
    message: ["mtu 1279", "IPv6"],
    gotAddress: true,
    input: ({ world }) => ({ config: bridgeConfig(world, { mtu: 1279, ipam: hostLocal(world, SUBNET_6) }) }),
  },
  { name: "bad MAC", code: 7, message: "zz", input: bridge({ runtimeConfig: { mac: "zz" } }) },
  { name: "ipMasqBackend", code: 7, message: '"ipMasqBackend"', input: bridge({ ipMasqBackend: "ebtables" }) },
  {
    name: "bridge name too long",
    code: 7,
    message: '"abcdefghijklmnop"',
    input: bridge({ bridge: "abcdefghijklmnop" }),
  },
  { name: "bridge name with a slash", code: 7, message: '"../lo"', input: bridge({ bridge: "../lo" }) },
  { name: "bridge name empty", code: 7, message: '""', input: bridge({ bridge: "" }) },
  {
    name: "bridge is another kind of link",
    code: 104,
    message: '"uplink" already exists but is not a bridge',
    input: bridge({ bridge: "uplink" }),
  },
  { name: "no ranges", code: 7, message: "no IP ranges specified", input: ranges() },
  { name: "subnet is none", code: 7, message: "10.1.0.0/33", input: ranges([{ subnet: "10.1.0.0/33" }]) },
  { name: "subnet with host bits", code: 7, message: "host bits set", input: ranges([{ subnet: "10.1.0.5/24" }]) },
  {
    name: "subnet too small",
    code: 7,
    message: "Network 10.1.0.0/31 too small to allocate from",
    input: ranges([{ subnet: "10.1.0.0/31" }]),
  },
  {
    name: "overlapping ranges of one set",
    code: 7,
    message: ["overlap", "range set 0"],
    input: ranges([{ subnet: SUBNET }, { subnet: "10.1.0.0/16" }]),
  },
  {
    name: "overlapping range sets",
    code: 7,
    message: "range set 0 overlaps with 1",
    input: ranges([{ subnet: SUBNET }], [{ subnet: "10.1.0.128/25" }]),
  },
  {
    name: "rangeStart outside",
    code: 7,
    message: "RangeStart 10.2.0.1 not in network 10.1.0.0/24",
    input: ranges([{ subnet: SUBNET, rangeStart: "10.2.0.1" }]),
  },
  {
    name: "gateway outside",
    code: 102,
    message: ["route", "10.9.9.1"],
    gotAddress: true,
    input: ({ world }) => {
      const ipam = { ...hostLocal(world), ranges: [[{ subnet: SUBNET, gateway: "10.9.9.1" }]] };
      return { config: bridgeConfig(world, { ipam: { ...ipam, routes: [{ dst: "0.0.0.0/0" }] } }) };
    },
  },
  {
    name: "range exhausted",
    code: 100,
    message: "no IP addresses available in range set: 10.1.0.250-10.1.0.250",
    input: ({ world }) => {
      const ranges = [[{ subnet: SUBNET, rangeStart: LAST_ADDRESS, rangeEnd: LAST_ADDRESS }]];
      return {
        config: bridgeConfig(world, { ipam: { ...hostLocal(world), dataDir: join(world.folder, FULL), ranges } }),
      };
    },
  },
  {
    name: "address asked for is taken",
    code: 101,
    message: "requested IP address 10.1.0.2 is not available",
    input: bridge({ args: { cni: { ips: ["10.1.0.2"] } } }),
  },
  {
    name: "address asked for is the gateway's",
    code: 7,
    message: "requested ip 10.1.0.1 is subnet's gateway",
    input: bridge({ runtimeConfig: { ips: ["10.1.0.1"] } }),
  },
  {
    name: "address asked for is of no range",
    code: 7,
    message: "failed to allocate all requested IPs: 10.2.0.5",
    input: bridge({ runtimeConfig: { ips: ["10.2.0.5"] } }),
  },
  {
    name: "unknown IPAM",
    code: 7,
    message: 'failed to find plugin "nosuch"',
    input: bridge({ ipam: { type: "nosuch" } }),
  },
  {
    name: "IPAM with a slash",
    code: 7,
    message: "invalid plugin name: ../bridge",
    input: bridge({ ipam: { type: "../bridge" } }),
  },
];

const namespaces: readonly BadInput[] = [
  {
    name: "interface exists",
    code: 104,
    message: 'container veth name ("eth0") already exists',
    input: ({ world, pod }) => ({ netns: pod.netns.path, config: bridgeConfig(world) }),
  },
  {
    name: "the node's own namespace",
    code: 8,
    message: "plugin's netns and netns from CNI_NETNS should not be the same",
    input: ({ world }) => ({ netns: world.node.path, config: bridgeConfig(world) }),
  },
  {
    name: "namespace that is not there",
    code: 8,
    message: ["failed to open netns", "no such file"],
    input: ({ world }) => ({ netns: `${world.folder}/none`, config: bridgeConfig(world) }),
  },
  {
    name: "namespace that is a file",
    code: 8,
    message: ["failed to open netns", "it is not a network namespace"],
    input: ({ world }) => ({ netns: `${world.folder}/file`, config: bridgeConfig(world) }),
  },
  {
    name: "namespace of another type",
    code: 8,
    message: ["failed to open netns", "it is not a network namespace"],
    input: ({ world }) => ({ netns: "/proc/self/ns/mnt", config: bridgeConfig(world) }),
  },
];

const chained: readonly BadInput[] = [
  {
    name: "CHECK without prevResult",
    verb: "CHECK",
    code: 7,
    message: "Required prevResult missing",
    input: bridge({}),
  },
  {
    name: "portmap without prevResult",
    type: "portmap",
    code: 7,
    message: "must be called as chained plugin",
    input: () => ({
      config: { cniVersion: "1.1.0", name: "net", type: "portmap", runtimeConfig: { portMappings: [PORT] } },
    }),
  },
  {
    name: "portmap CHECK without prevResult",
    verb: "CHECK",
    type: "portmap",
    code: 7,
    message: "prevResult missing",
    input: () => ({ config: { cniVersion: "1.1.0", name: "net", type: "portmap" } }),
  },
  {
    name: "prevResult of another version",
    type: "portmap",
    code: 6,
    message: ["could not parse prevResult", '"0.2.0"'],
    input: ({ pod }) => ({ config: { ...portmapConfig(pod, [PORT]), prevResult: { cniVersion: "0.2.0" } } }),
  },
  {
    name: "host port 0",
    type: "portmap",
    code: 7,
    message: "Invalid host port number: 0",
    input: ports({ ...PORT, hostPort: 0 }),
  },
  {
    name: "container port too large",
    type: "portmap",
    code: 7,
    message: "Invalid container port number: 65536",
    input: ports({ ...PORT, containerPort: 65536 }),
  },
  {
    name: "port is a string",
    type: "portmap",
    code: 6,
    message: "hostPort",
    input: ports({ ...PORT, hostPort: "80" }),
  },
  {
    name: "protocol",
    type: "portmap",
    code: 7,
    message: 'protocol "icmp"',
    input: ports({ ...PORT, protocol: "icmp" }),
  },
  { name: "hostIP", type: "portmap", code: 7, message: "999", input: ports({ ...PORT, hostIP: "999.1.1.1" }) },
  {
    name: "conditions of iptables",
    type: "portmap",
    code: 2,
    message: ["conditionsV4", "-s"],
    input: ports(PORT, { conditionsV4: ["-s", "10.0.0.1"] }),
  },
  {
    name: "markMasqBit",
    type: "portmap",
    code: 7,
    message: "between 0 and 31",
    input: ports(PORT, { markMasqBit: 32 }),
  },
  {
    name: "host port of another pod",
    type: "portmap",
    code: 101,
    message: "host port 8080/tcp",
    input: ({ pod }) => ({
      ...pod.input,
      container: "c1",
      config: portmapConfig(pod, [{ ...PORT, hostPort: 8080 }]),
    }),
  },
];

export const badInputs: readonly BadInput[] = [...front, ...types, ...values, ...namespaces, ...chained];
