/** Decoded headers in one line, outer ones first. */
import { IP_PROTOCOLS, type Layer } from "./decode-packet.ts";

/** `10.0.0.1 → 10.0.0.2 ttl 64 udp 8472 vni 1 [10.244.1.5 → 10.244.2.7 ttl 63 icmp echo request]` */
export function describeLayers(layers: readonly Layer[]): string {
  let text = "";
  let depth = 0;
  for (const [index, layer] of layers.entries()) {
    if (layer.kind === "ip" && layers.slice(0, index).some(({ kind }) => kind === "ip")) {
      text += " [";
      depth++;
    }
    const words = describe(layer);
    if (words !== "") text += text === "" || text.endsWith("[") ? words : ` ${words}`;
  }
  return text + "]".repeat(depth);
}

function describe(layer: Layer): string {
  switch (layer.kind) {
    case "ethernet":
      return "";
    case "ip": {
      const isKnown = Object.values(IP_PROTOCOLS).some((protocol) => protocol === layer.protocol);
      return `${layer.source} → ${layer.destination} ttl ${layer.ttl}${isKnown ? "" : ` protocol ${layer.protocol}`}`;
    }
    case "udp":
    case "tcp":
      return `${layer.kind} ${layer.destinationPort}`;
    case "icmp":
      return `icmp ${icmpName(layer.version, layer.type) ?? `type ${layer.type} code ${layer.code}`}`;
    case "vxlan":
      return `vni ${layer.vni}`;
  }
}

function icmpName(version: 4 | 6, type: number): string | undefined {
  const names: Readonly<Record<number, string>> =
    version === 4
      ? { 0: "echo reply", 3: "destination unreachable", 8: "echo request", 11: "time exceeded" }
      : {
          1: "destination unreachable",
          2: "packet too big",
          3: "time exceeded",
          128: "echo request",
          129: "echo reply",
        };
  return names[type];
}
