/** Asks a name server for the IPv4 address of a name, from inside a namespace. */
import { decode, encode } from "dns-packet";
import { type IpAddress, parseAddress } from "#base/ip-address.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { openUdpSocket } from "#kernel/udp/udp-socket.ts";

export interface NameQuestion {
  readonly netns: Netns;
  /** An IPv4 address. */
  readonly server: IpAddress;
  /** In full, without a last dot. */
  readonly name: string;
  readonly timeoutMs?: number;
}

const DNS_PORT = 53;
const TIMEOUT_MS = 5_000;
const RECURSION_DESIRED = 0x100;
const RCODE_MASK = 0xf;
const FLAGS_OFFSET = 2;

/** Rejects with what came instead of an address. */
export async function resolveName({ netns, server, name, timeoutMs = TIMEOUT_MS }: NameQuestion): Promise<IpAddress> {
  const { promise, resolve, reject } = Promise.withResolvers<IpAddress>();
  using socket = openUdpSocket(
    netns,
    { address: parseAddress("0.0.0.0"), port: 0 },
    {
      datagram(bytes) {
        const [address] = (decode(bytes).answers ?? []).flatMap((answer) => (answer.type === "A" ? [answer.data] : []));
        const rcode = bytes.readUInt16BE(FLAGS_OFFSET) & RCODE_MASK;
        if (address === undefined) reject(new Error(`${server} has no address of ${name} (response code ${rcode})`));
        else resolve(parseAddress(address));
      },
      error: ({ code }) => reject(new Error(`${server} port ${DNS_PORT}: ${code}`)),
    },
  );
  const timer = setTimeout(() => reject(new Error(`${server} does not answer within ${timeoutMs} ms`)), timeoutMs);
  const questions = [{ name, type: "A" } as const];
  socket.send(encode({ type: "query", id: 1, flags: RECURSION_DESIRED, questions }), {
    address: server,
    port: DNS_PORT,
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
