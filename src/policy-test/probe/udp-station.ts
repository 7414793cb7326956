/** UDP probes: the target sends back the address that it sees. */
import { formatAddress, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { KernelError } from "#kernel/kernel-error.ts";
import { openUdpSocket, type UdpSocket } from "#kernel/udp/udp-socket.ts";
import { type ProbeAnswer, refusal, type Station, socketName } from "./probe.ts";

const QUESTION = Buffer.from("podwire?");

export function createUdpStation(): Station {
  const servers = new Map<string, UdpSocket>();
  return {
    listen(end, port) {
      const name = socketName(end, port);
      if (servers.has(name)) return;
      const server = openUdpSocket(
        end.netns,
        { address: end.address, port },
        {
          datagram(bytes, from) {
            if (bytes.equals(QUESTION)) answer(server, from);
          },
          error: () => undefined, // the asker is gone
        },
      );
      servers.set(name, server);
    },
    async ask({ from, to, sourcePort, port }, signal) {
      const { promise, resolve } = Promise.withResolvers<ProbeAnswer>();
      const onAbort = () => resolve({ kind: "silent" });
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        using socket = openUdpSocket(
          from.netns,
          { address: from.address, port: sourcePort },
          {
            datagram(bytes, sender) {
              if (sender.address === to.address) resolve({ kind: "answered", seen: readSeen(bytes) });
            },
            error: ({ code, offender, type, icmpCode }) =>
              resolve({
                kind: "refused",
                code,
                message: `${offender ?? "its own kernel"} refused it: ${code} (ICMP type ${type} code ${icmpCode})`,
              }),
          },
        );
        if (signal.aborted) onAbort();
        socket.send(QUESTION, { address: to.address, port });
        return await promise;
      } catch (error) {
        return refusal(error);
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers.values()) server[Symbol.dispose]();
    },
  };
}

/** An answer that the kernel refuses to send is an answer that does not come. */
function answer(server: UdpSocket, from: { readonly address: IpAddress; readonly port: number }): void {
  try {
    server.send(Buffer.from(from.address), from);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
}

function readSeen(bytes: Buffer): IpAddress {
  try {
    return parseAddress(bytes.toString());
  } catch {
    return formatAddress(new Uint8Array(4)); // nothing of ours: no address of the test equals it
  }
}
