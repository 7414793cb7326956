/**
 * What became of a translated packet: the connection tracking entry of the namespace that translated it, which says
 * whom the kernel chose, and how answers come back.
 */
import type { IpAddress } from "#base/ip-address.ts";
import { openNetns } from "#kernel/netns/netns.ts";
import type { ConntrackEntry, ConntrackTuple } from "#kernel/nfnetlink/conntrack-message.ts";
import { watchConntrack } from "#kernel/nfnetlink/watch-conntrack.ts";
import type { NamespaceSource } from "./facts/observe-world.ts";
import type { Packet } from "./path/packet.ts";
import type { Translation } from "./path/path.ts";

/** As it is printed: `10.244.1.2:40000 → 10.96.0.1:80 tcp`. */
export interface TracedConnection {
  readonly original: string;
  /** Addresses of the answers, where they come in. */
  readonly reply: string;
}

export interface TracedTranslation {
  readonly namespace: string;
  readonly kind: Translation["kind"];
  /** Of a Service: `default/web:http/TCP/4`. */
  readonly frontend?: string | undefined;
  readonly from: string;
  readonly to: string;
  readonly rule: string;
  /** Whom the kernel could choose by chance. */
  readonly backends?: readonly string[] | undefined;
  /** Undefined when there is no entry: the packet was dropped before it was one, or nothing was translated. */
  readonly connection?: TracedConnection | undefined;
}

export interface FoundConnection {
  readonly backend: { readonly address: IpAddress; readonly port: number | undefined };
  readonly connection: TracedConnection;
}

export interface ConnectionWatch extends Disposable {
  /** The entry whose first packet was this one, when there has been one until now. */
  found(): FoundConnection | undefined;
}

/** Hears of the entry when it is made: one whose server refuses is gone again at once. */
export function watchConnection(
  sources: readonly NamespaceSource[],
  { namespace, from }: Translation,
): ConnectionWatch {
  using stack = new DisposableStack();
  const source = sources.find(({ name }) => name === namespace);
  let entry: ConntrackEntry | undefined;
  let drain = (): void => undefined;
  if (source !== undefined && source.netnsPath !== "") {
    const netns = stack.use(openNetns(source.netnsPath));
    const watch = stack.use(
      watchConntrack(
        { netns, kinds: ["new"] },
        {
          changed(_, one) {
            if (isOf(from, one.original)) entry ??= one;
          },
          lost: () => undefined, // then it is told by where the packet was seen
        },
      ),
    );
    drain = () => watch.drain();
  }
  const owned = stack.move();
  return {
    found() {
      drain();
      if (entry === undefined) return undefined;
      return {
        backend: { address: entry.reply.source, port: entry.reply.sourcePort },
        connection: { original: describeTuple(entry.original), reply: describeTuple(entry.reply) },
      };
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

function isOf({ source, destination, protocol, sourcePort, destinationPort }: Packet, tuple: ConntrackTuple): boolean {
  return (
    tuple.source === source &&
    tuple.destination === destination &&
    tuple.protocol === protocol &&
    tuple.sourcePort === sourcePort &&
    tuple.destinationPort === destinationPort
  );
}

function describeTuple({ source, destination, protocol, sourcePort, destinationPort }: ConntrackTuple): string {
  return `${describeEnd(source, sourcePort)} → ${describeEnd(destination, destinationPort)} ${protocol}`;
}

export function describeEnd(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
