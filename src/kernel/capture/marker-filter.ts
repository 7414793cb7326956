/**
 * A socket filter that lets packets through which carry a marker of 4 bytes where the payload begins, also inside tunnels.
 * Classic BPF cannot search: it looks at each place where the payload of a UDP, TCP or ICMP packet can be.
 * Source: Documentation/networking/filter.rst, Linux 6.1: a load behind the packet's end ends the program with 0.
 */
import type { SocketFilter } from "../netlink/socket-filter.ts";

/** BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K: include/uapi/linux/filter.h */
const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const ALL = 0xffffffff;

const ETHERNET = 14;
const IP_HEADERS = [20, 40];
const UDP = 8;
const VXLAN = 8;
/** UDP and ICMP; TCP without options. */
const TRANSPORT_HEADERS = [8, 20];

export const MARKER_OFFSETS: readonly number[] = markerOffsets();

export function markerFilter(marker: number): SocketFilter {
  const checks = MARKER_OFFSETS.flatMap((offset, index) => {
    const left = MARKER_OFFSETS.length - 1 - index;
    // To the last instruction, over the other pairs and the refusal.
    return [
      { code: LOAD_WORD, k: offset },
      { code: JUMP_IF_EQUAL, jumpTrue: left * 2 + 1, jumpFalse: 0, k: marker },
    ];
  });
  return [...checks, { code: RETURN, k: 0 }, { code: RETURN, k: ALL }];
}

/** In ascending order: what is too short for one place is too short for those behind it. */
function markerOffsets(): readonly number[] {
  const packets = IP_HEADERS.flatMap((ip) => TRANSPORT_HEADERS.map((transport) => ip + transport));
  // ICMP errors quote the packet that they are about.
  const quoted = IP_HEADERS.flatMap((ip) => packets.map((inner) => ip + 8 + inner));
  const tunnels = IP_HEADERS.flatMap((ip) =>
    packets.flatMap((inner) => [ip + UDP + inner, ip + UDP + VXLAN + ETHERNET + inner]),
  );
  const all = [...packets, ...quoted, ...tunnels];
  // With an Ethernet header, and without one (TUN); the bare header is for control frames.
  return [...new Set([ETHERNET, ...all, ...all.map((offset) => ETHERNET + offset)])].toSorted((a, b) => a - b);
}
