/** Into tunnels and out of them: VXLAN by the forwarding database, Flannel's UDP back end by the owner of the subnet. */
import { contains, familyOf } from "#base/ip-address.ts";
import type { FdbEntry } from "#kernel/rtnetlink/fdb.ts";
import type { NamespaceFacts } from "../facts/world-facts.ts";
import { encapsulate, FLANNEL_UDP_PORT, type Frame, type Packet, VXLAN_PORT } from "./packet.ts";
import { type At, addHop, describeLink, type Outcome, stopAt, type Walk } from "./walk.ts";

export function sendByVxlan(walk: Walk, at: At, frame: Frame, why: string): Outcome {
  const { namespace, link } = at;
  if (link.kind?.type !== "vxlan") return stopAt(at, "unknown", `${link.name} is no VXLAN link`);
  if (!link.up) return stopAt(at, "link down", `${link.name} of ${namespace.name} is down`, [describeLink(at)]);
  addHop(walk, at, "out", frame, why);
  const mac = frame.destinationMac;
  const own = namespace.fdb.filter(({ ifindex, owner }) => ifindex === link.ifindex && owner === "self");
  const entry = own.find((one) => one.mac === mac) ?? own.find((one) => one.mac === "00:00:00:00:00:00");
  const remote = entry?.destination;
  if (entry === undefined || remote === undefined) {
    const message = `${link.name} of ${namespace.name} has no FDB entry for ${mac}`;
    return stopAt(
      at,
      "wrong FDB entry",
      message,
      own.map((one) => describeFdb(one, link.name)),
    );
  }
  const wrong = checkRemote(walk, at, frame, entry);
  if (wrong !== undefined) return wrong;
  const { local, id, port } = link.kind;
  const source = local ?? namespace.addresses.find(({ prefix }) => prefix.family === familyOf(remote))?.prefix.address;
  if (source === undefined)
    return stopAt(at, "missing address", `${link.name} has no local address`, [describeLink(at)]);
  const ends = { source, destination: remote, port: entry.port ?? port ?? VXLAN_PORT, vni: entry.vni ?? id };
  return { next: { do: "send packet", namespace, packet: encapsulate(frame, ends) } };
}

/** The entry must lead to the node whose pods the packet is for. */
function checkRemote(walk: Walk, at: At, { packet, destinationMac }: Frame, entry: FdbEntry): Outcome | undefined {
  const { namespace, link } = at;
  const { destination } = packet;
  const owner = walk.world.nodes.find(({ podPrefixes }) => podPrefixes.some((prefix) => contains(prefix, destination)));
  const remote = entry.destination;
  if (owner === undefined || remote === undefined || owner.underlayAddresses.includes(remote)) return undefined;
  const node = walk.world.nodes.find(({ underlayAddresses }) => underlayAddresses.includes(remote));
  const whose = node === undefined ? "which no node has" : `which is ${node.name}`;
  const right = owner.underlayAddresses.filter((address) => familyOf(address) === familyOf(remote)).join(", ");
  const message =
    `the FDB entry of ${link.name} on ${namespace.name} for ${destinationMac} leads to ${remote}, ${whose}; ` +
    `pods of ${owner.name} are behind ${right}`;
  return stopAt(at, "wrong FDB entry", message, [describeFdb(entry, link.name)]);
}

/** The table of the back end's proxy is in its process: it knows the nodes and their subnets, as this program does. */
export function sendByTun(walk: Walk, at: At, packet: Packet, why: string): Outcome {
  const { namespace, link } = at;
  if (!link.up) return stopAt(at, "link down", `${link.name} of ${namespace.name} is down`, [describeLink(at)]);
  if (packet.bytes > link.mtu) {
    const message = `a packet of ${packet.bytes} bytes is larger than the MTU of ${link.name} of ${namespace.name}, ${link.mtu}`;
    return stopAt(at, "MTU hole", message, [describeLink(at)]);
  }
  addHop(walk, at, "out", { packet }, why);
  const owner = walk.world.nodes.find(({ podPrefixes }) =>
    podPrefixes.some((one) => contains(one, packet.destination)),
  );
  const remote = owner?.underlayAddresses.find((address) => familyOf(address) === 4);
  const own = walk.world.nodes.find(({ name }) => name === namespace.name);
  const source = own?.underlayAddresses.find((address) => familyOf(address) === 4);
  if (remote === undefined || source === undefined) {
    return stopAt(at, "missing route", `no node has pods at ${packet.destination}`, [why]);
  }
  const outer = encapsulate({ packet }, { source, destination: remote, port: FLANNEL_UDP_PORT });
  return { next: { do: "send packet", namespace, packet: outer } };
}

export function receiveFromTunnel(walk: Walk, namespace: NamespaceFacts, packet: Packet): Outcome {
  const { inner, destination } = packet;
  if (inner === undefined) return stopAt({ namespace }, "unknown", "the packet carries none");
  const link = namespace.links.find(({ kind }) =>
    inner.vni === undefined
      ? kind?.type === "tun"
      : kind?.type === "vxlan" && kind.id === inner.vni && isFamily(kind.local),
  );
  function isFamily(local: Packet["destination"] | undefined): boolean {
    return local === undefined || familyOf(local) === familyOf(destination);
  }
  if (link === undefined) {
    const message = `${namespace.name} has no tunnel for what comes to port ${packet.destinationPort}`;
    return stopAt({ namespace }, "dead peer", message, [
      `${destination} port ${packet.destinationPort} vni ${inner.vni}`,
    ]);
  }
  const at = { namespace, link };
  if (!link.up) return stopAt(at, "link down", `${link.name} of ${namespace.name} is down`, [describeLink(at)]);
  const { destinationMac } = inner.frame;
  if (destinationMac !== undefined && destinationMac !== link.mac) {
    const message = `the inner frame is for ${destinationMac}, but ${link.name} of ${namespace.name} is ${link.mac}`;
    return stopAt(at, "wrong FDB entry", message, [describeLink(at)]);
  }
  addHop(walk, at, "in", inner.frame, `decapsulated from port ${packet.destinationPort}`);
  return { next: { do: "receive packet", at, packet: inner.frame.packet } };
}

function describeFdb({ mac, destination, state }: FdbEntry, link: string): string {
  return `bridge fdb: ${mac} dev ${link} dst ${destination ?? "-"} self ${state}`;
}
