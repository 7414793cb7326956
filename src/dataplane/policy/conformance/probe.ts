/**
 * Real connections between namespaces, all from this process: servers that answer, and probes that end with an answer or
 * with the log message of the rule that dropped their first packet. One that ends with neither is no verdict.
 */
import type { Server, Socket } from "node:net";
import { type Family, familyOf, formatAddress, type IpAddress } from "#base/ip-address.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import type { LoggedPacket } from "#kernel/nfnetlink/watch-nflog.ts";
import { createTcpServer, createTcpSocket } from "#kernel/tcp/tcp-socket.ts";
import { openUdpSocket, type UdpSocket } from "#kernel/udp/udp-socket.ts";

export interface ProbeEnd {
  readonly netns: Netns;
  readonly address: IpAddress;
}

export interface Probe {
  readonly from: ProbeEnd;
  readonly to: IpAddress;
  readonly protocol: "TCP" | "UDP";
  readonly port: number;
}

export type ProbeOutcome =
  | { readonly kind: "answered" }
  | { readonly kind: "dropped"; readonly node: string; readonly prefix: string }
  /** What happened instead of a verdict. */
  | { readonly kind: "inconclusive"; readonly reason: string };

/** Who waits for word of a drop. */
export interface DropWatch {
  expect(key: string, heard: (node: string, prefix: string) => void): Disposable;
}

export const PROBE_DEADLINE_MS = 10_000;

/** Answers on all these ports of one address. */
export function startServers(end: ProbeEnd, tcpPorts: readonly number[], udpPorts: readonly number[]): Disposable {
  const stack = new DisposableStack();
  const open = new Set<Socket>();
  stack.defer(() => {
    for (const socket of open) socket.destroy();
  });
  for (const port of tcpPorts) {
    const server: Server = createTcpServer(end.netns, { address: end.address, port }, (socket) => {
      open.add(socket);
      socket.on("close", () => open.delete(socket));
      socket.on("error", () => undefined); // the client has its answer and resets
      socket.resume(); // to hear when the client ends
      socket.write("!");
    });
    stack.defer(() => server.close());
  }
  for (const port of udpPorts) {
    const socket: UdpSocket = openUdpSocket(
      end.netns,
      { address: end.address, port },
      { datagram: (_, from) => socket.send(Buffer.from("!"), from), error: () => undefined },
    );
    stack.use(socket);
  }
  return stack;
}

export async function runProbe(probe: Probe, drops: DropWatch): Promise<ProbeOutcome> {
  const { promise, resolve } = Promise.withResolvers<ProbeOutcome>();
  using stack = new DisposableStack();
  const deadline = setTimeout(
    () => resolve({ kind: "inconclusive", reason: `neither an answer nor a drop within ${PROBE_DEADLINE_MS} ms` }),
    PROBE_DEADLINE_MS,
  );
  stack.defer(() => clearTimeout(deadline));
  const expectDrop = (sourcePort: number): void => {
    const key = flowKey({ source: probe.from.address, destination: probe.to, ...probe, sourcePort });
    stack.use(drops.expect(key, (node, prefix) => resolve({ kind: "dropped", node, prefix })));
  };
  if (probe.protocol === "UDP") startUdp(probe, stack, expectDrop, resolve);
  else startTcp(probe, stack, expectDrop, resolve);
  return await promise;
}

function startUdp(
  { from, to, port }: Probe,
  stack: DisposableStack,
  expectDrop: (sourcePort: number) => void,
  resolve: (outcome: ProbeOutcome) => void,
): void {
  const socket = stack.use(
    openUdpSocket(
      from.netns,
      { address: from.address, port: 0 },
      {
        datagram: () => resolve({ kind: "answered" }),
        error: ({ code }) => resolve({ kind: "inconclusive", reason: code }),
      },
    ),
  );
  expectDrop(socket.local.port);
  socket.send(Buffer.from("?"), { address: to, port });
}

function startTcp(
  { from, to, port }: Probe,
  stack: DisposableStack,
  expectDrop: (sourcePort: number) => void,
  resolve: (outcome: ProbeOutcome) => void,
): void {
  const socket = createTcpSocket(from.netns, { address: from.address, port: 0 });
  stack.defer(() => socket.destroy());
  socket.on("error", (error) => resolve({ kind: "inconclusive", reason: error.message }));
  socket.on("data", () => {
    socket.resetAndDestroy();
    resolve({ kind: "answered" });
  });
  const local = socket.address();
  if ("port" in local && typeof local.port === "number") expectDrop(local.port);
  socket.connect({ host: to, port });
}

interface FlowEnds {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: string;
  readonly port: number;
  readonly sourcePort: number;
}

export function flowKey({ source, destination, protocol, port, sourcePort }: FlowEnds): string {
  return `${protocol} ${source}:${sourcePort} ${destination}:${port}`;
}

const PROTOCOLS: Readonly<Record<number, string>> = { 6: "TCP", 17: "UDP", 132: "SCTP" };
const HEADERS = {
  4: { protocol: 9, source: 12, destination: 16, addressBytes: 4 },
  6: { protocol: 6, source: 8, destination: 24, addressBytes: 16 },
} as const satisfies Readonly<Record<Family, unknown>>;

/** Undefined for what has no ports. IPv6 without extension headers: nothing here sends them. */
export function loggedFlow({ packet }: Pick<LoggedPacket, "packet">): string | undefined {
  const bytes = Buffer.from(packet);
  const family: Family = bytes[0] !== undefined && bytes[0] >> 4 === 6 ? 6 : 4;
  const { protocol, source, destination, addressBytes } = HEADERS[family];
  const transport = family === 4 ? ((bytes[0] ?? 0) & 0x0f) * 4 : 40;
  const name = PROTOCOLS[bytes[protocol] ?? 0];
  if (name === undefined || bytes.length < transport + 4) return undefined;
  const address = (at: number): IpAddress => formatAddress(bytes.subarray(at, at + addressBytes));
  return flowKey({
    source: address(source),
    destination: address(destination),
    protocol: name,
    sourcePort: bytes.readUInt16BE(transport),
    port: bytes.readUInt16BE(transport + 2),
  });
}

export function endOf(netns: Netns, addresses: readonly IpAddress[], family: Family): ProbeEnd {
  const address = addresses.find((one) => familyOf(one) === family);
  if (address === undefined) throw new RangeError(`Cannot probe over IPv${family}: there is no such address`);
  return { netns, address };
}
