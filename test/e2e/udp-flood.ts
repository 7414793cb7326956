/** Datagrams to every address that pods can have, over and over, from inside some pods: sockets of this process there. */
import {
  addressToBigInt,
  bigIntToAddress,
  familyOf,
  type IpAddress,
  type Prefix,
  parseAddress,
} from "#base/ip-address.ts";
import { KernelError } from "#kernel/kernel-error.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { openUdpSocket } from "#kernel/udp/udp-socket.ts";

export interface UdpFlood extends Disposable {
  readonly sent: number;
}

/** Nobody listens there: the kernel of a pod counts what comes. */
const PORT = 9;
const INTERVAL_MS = 20;
const BYTES = Buffer.alloc(16);

/** The first `hosts` addresses of each prefix that pods can have, each once in an interval, from every source. */
export function startUdpFlood(
  sources: readonly { readonly netns: Netns; readonly address: IpAddress }[],
  prefixes: readonly Prefix[],
  hosts: number,
): UdpFlood {
  const stack = new DisposableStack();
  const listener = { datagram: () => undefined, error: () => undefined };
  const sockets = sources.map(({ netns, address }) => stack.use(openUdpSocket(netns, { address, port: 0 }, listener)));
  const targets = prefixes.flatMap((prefix) =>
    Array.from({ length: hosts }, (_, index) => ({ address: hostOf(prefix, index + 2), port: PORT })),
  );
  let sent = 0;
  const round = (): void => {
    for (const socket of sockets) {
      for (const target of targets) {
        try {
          socket.send(BYTES, target);
          sent++;
        } catch (error) {
          if (!(error instanceof KernelError)) throw error; // an ICMP error about an earlier one, or a full queue
        }
      }
    }
  };
  const timer = setInterval(round, INTERVAL_MS);
  stack.defer(() => clearInterval(timer));
  return {
    get sent() {
      return sent;
    },
    [Symbol.dispose]: () => stack.dispose(),
  };
}

function hostOf({ address }: Prefix, host: number): IpAddress {
  return parseAddress(bigIntToAddress(familyOf(address), addressToBigInt(address) + BigInt(host)));
}
