/**
 * Sends and answers UDP probes from inside every namespace, by sockets of this process: it knows what was sent, what
 * arrived and under which address, and what came back, each without asking anybody.
 */
import { familyOf, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { KernelError } from "#kernel/kernel-error.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { type IcmpError, openUdpSocket, type UdpSocket } from "#kernel/udp/udp-socket.ts";
import { ipHeaderBytes } from "#trace/path/packet.ts";
import { decodeEcho, encodeEcho, MIN_DATAGRAM_BYTES } from "./echo-datagram.ts";
import type { Endpoint, Probe } from "./plan-probes.ts";
import type { ProbeResult } from "./probe-result.ts";

const UDP_HEADER_BYTES = 8;

export interface UdpStation extends Disposable {
  /** Opens the sockets of an endpoint; a failure is the result of its probes. */
  open(endpoint: Endpoint, netns: Netns, options: { readonly isNode: boolean }): void;
  /** Resolves when it is answered or refused; `signal` ends the waiting. */
  run(probe: Probe, signal: AbortSignal): Promise<ProbeResult>;
  /** Reads what has arrived, questions and their answers: nothing counts as lost that only this process was late for. */
  drain(): void;
}

interface Sockets {
  readonly asking: UdpSocket;
  readonly answering: UdpSocket;
}

interface Pending {
  readonly probe: Probe;
  seen: IpAddress | undefined;
  refused: ProbeResult["refused"];
  readonly done: (answered: boolean) => void;
}

const WILDCARDS = { 4: parseAddress("0.0.0.0"), 6: parseAddress("::") } as const;

export function createUdpStation(): UdpStation {
  const sockets = new Map<string, Sockets>();
  const failures = new Map<string, KernelError>();
  const pending = new Map<number, Pending>();
  const resources = new DisposableStack();
  let lastNumber = 0;

  function hear(own: () => UdpSocket | undefined, bytes: Buffer, from: { address: IpAddress; port: number }): void {
    const datagram = decodeEcho(bytes);
    const asked = datagram && pending.get(datagram.number);
    if (asked === undefined || datagram === undefined) return;
    if (datagram.kind === "question") {
      asked.seen = from.address;
      try {
        own()?.send(encodeEcho({ kind: "answer", number: datagram.number, seen: from.address }, bytes.length), from);
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
        asked.refused = { code: error.code, by: undefined, message: `the answer: ${error.message}` };
      }
    } else if (from.address === asked.probe.to.address) asked.done(true);
  }

  function fail({ quoted, code, offender, type, icmpCode }: IcmpError): void {
    const datagram = decodeEcho(quoted);
    const asked = datagram && pending.get(datagram.number);
    if (asked === undefined || asked.seen !== undefined) return;
    const message = `${offender ?? "its own kernel"} refused it: ${code} (ICMP type ${type} code ${icmpCode})`;
    asked.refused = { code, by: offender, message };
    asked.done(false);
  }

  function openOne(netns: Netns, address: IpAddress): UdpSocket {
    let socket: UdpSocket | undefined;
    socket = openUdpSocket(
      netns,
      { address, port: 0 },
      { datagram: (bytes, from) => hear(() => socket, bytes, from), error: fail },
    );
    return resources.use(socket);
  }

  return {
    open(endpoint, netns, { isNode }) {
      const key = keyOf(endpoint);
      if (sockets.has(key)) return;
      try {
        const answering = openOne(netns, endpoint.address);
        // Two ports: with one, a question the other way would have been seen first now and then, and what translates
        // new flows would take this one for its answers. A node's own address depends on where it sends to: the kernel
        // chooses.
        const asking = openOne(netns, isNode ? WILDCARDS[familyOf(endpoint.address)] : endpoint.address);
        sockets.set(key, { asking, answering });
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
        failures.set(key, error);
      }
    },
    async run(probe, signal) {
      const from = sockets.get(keyOf(probe.from));
      const to = sockets.get(keyOf(probe.to));
      const failure = failures.get(keyOf(probe.from)) ?? failures.get(keyOf(probe.to));
      if (from === undefined || to === undefined) {
        const message = failure?.message ?? "no socket is open there";
        return { probe, answered: false, refused: { code: failure?.code ?? "ENOTSOCK", by: undefined, message } };
      }
      lastNumber += 1;
      const number = lastNumber;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const asked: Pending = { probe, seen: undefined, refused: undefined, done: resolve };
      pending.set(number, asked);
      const onAbort = () => resolve(false);
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        from.asking.send(encodeEcho({ kind: "question", number }, payloadBytes(probe)), to.answering.local);
        const answered = await promise;
        return { probe, seen: asked.seen, answered, refused: asked.refused };
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
        return { probe, answered: false, refused: { code: error.code, by: undefined, message: error.message } };
      } finally {
        signal.removeEventListener("abort", onAbort);
        pending.delete(number);
      }
    },
    drain() {
      // Questions first; what they are answered waits in the askers' sockets then.
      for (let round = 0; round < 2; round++) {
        for (const { asking, answering } of sockets.values()) {
          answering.drain();
          asking.drain();
        }
      }
    },
    [Symbol.dispose]: () => resources.dispose(),
  };
}

function payloadBytes({ bytes, family }: Probe): number {
  return bytes === undefined ? MIN_DATAGRAM_BYTES : bytes - ipHeaderBytes(family) - UDP_HEADER_BYTES;
}

function keyOf({ namespace, address }: Endpoint): string {
  return `${namespace} ${address}`;
}
