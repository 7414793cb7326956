/**
 * SCTP probes: INIT asks, INIT ACK answers. Where the kernel has an SCTP of its own, it answers an INIT that it knows
 * nothing of with ABORT, which proves as well that the question arrived and the answer came back.
 */
import type { IpAddress } from "#base/ip-address.ts";
import { openSctpEndpoint, type SctpEndpoint } from "#kernel/sctp/sctp-endpoint.ts";
import type { SctpPacket } from "#kernel/sctp/sctp-packet.ts";
import { type ProbeAnswer, type ProbeEnd, refusal, type Station } from "./probe.ts";

const TAG = 0x70776374;

export function createSctpStation(): Station {
  const endpoints = new Map<string, SctpEndpoint>();
  const listening = new Set<string>();
  const pending = new Map<string, () => void>();

  function endpointOf(end: ProbeEnd): SctpEndpoint {
    const name = `${end.netns.inode} ${end.address}`;
    const known = endpoints.get(name);
    if (known !== undefined) return known;
    const endpoint = openSctpEndpoint(end.netns, end.address, (packet, from) => hear(name, endpoint, packet, from));
    endpoints.set(name, endpoint);
    return endpoint;
  }

  function hear(name: string, endpoint: SctpEndpoint, packet: SctpPacket, from: IpAddress): void {
    const { sourcePort, destinationPort, chunk, initiateTag } = packet;
    if (chunk === "init" && listening.has(`${name} ${destinationPort}`)) {
      const ends = { sourcePort: destinationPort, destinationPort: sourcePort };
      endpoint.send(from, { ...ends, verificationTag: initiateTag ?? 0, chunk: "init ack", initiateTag: TAG });
    } else if (chunk === "init ack" || chunk === "abort") {
      pending.get(`${name} ${destinationPort} ${from} ${sourcePort}`)?.();
    }
  }

  return {
    listen(end, port) {
      endpointOf(end);
      listening.add(`${end.netns.inode} ${end.address} ${port}`);
    },
    async ask({ from, to, sourcePort, port }, signal) {
      const key = `${from.netns.inode} ${from.address} ${sourcePort} ${to.address} ${port}`;
      const { promise, resolve } = Promise.withResolvers<ProbeAnswer>();
      const onAbort = () => resolve({ kind: "silent" });
      signal.addEventListener("abort", onAbort, { once: true });
      // The answer came back to the address and port of the question: that is what the target saw.
      pending.set(key, () => resolve({ kind: "answered", seen: from.address }));
      try {
        if (signal.aborted) onAbort();
        const ends = { sourcePort, destinationPort: port };
        endpointOf(from).send(to.address, { ...ends, verificationTag: 0, chunk: "init", initiateTag: TAG });
        return await promise;
      } catch (error) {
        return refusal(error);
      } finally {
        signal.removeEventListener("abort", onAbort);
        pending.delete(key);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const endpoint of endpoints.values()) endpoint[Symbol.dispose]();
    },
  };
}
