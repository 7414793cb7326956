/** One connection or datagram to a Service from inside a namespace, and what the client saw. */
import { familyOf, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { KernelError } from "#kernel/kernel-error.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { createTcpSocket } from "#kernel/tcp/tcp-socket.ts";
import { openUdpSocket } from "#kernel/udp/udp-socket.ts";
import type { ServiceAttempt } from "./judge-service-probe.ts";

export interface Question {
  readonly netns: Netns;
  readonly protocol: "tcp" | "udp";
  readonly address: IpAddress;
  readonly port: number;
  readonly timeoutMs: number;
}

export interface Answer extends Pick<ServiceAttempt, "outcome" | "code"> {
  /** The client's; 0 where there was no socket. */
  readonly localPort: number;
}

const WILDCARDS = { 4: parseAddress("0.0.0.0"), 6: parseAddress("::") } as const;
/** An error comes at once or not at all; an answer is not owed. */
const DATAGRAM_MS = 200;
const ONE_BYTE = Buffer.of(0);

export function askService(question: Question): Promise<Answer> {
  try {
    return question.protocol === "tcp" ? connect(question) : sendDatagram(question);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return Promise.resolve({ ...outcomeOf(error.code), localPort: 0 });
  }
}

/** A rule that drops what the node itself sends says EPERM; a route that is missing says so, too. */
function outcomeOf(code: string): Pick<Answer, "outcome" | "code"> {
  if (code === "ECONNREFUSED") return { outcome: "refused", code };
  return { outcome: code === "EPERM" || code === "ETIMEDOUT" ? "silent" : "failed", code };
}

function connect({ netns, address, port, timeoutMs }: Question): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const socket = createTcpSocket(netns, { address: WILDCARDS[familyOf(address)], port: 0 });
  let localPort = 0;
  const end = (answer: Pick<Answer, "outcome" | "code">): void => {
    clearTimeout(timer);
    resolve({ ...answer, localPort });
    socket.destroy();
  };
  const timer = setTimeout(() => end({ outcome: "silent" }), timeoutMs);
  socket.on("connect", () => end({ outcome: "connected" }));
  socket.on("error", (error: NodeJS.ErrnoException) => end(outcomeOf(error.code ?? error.message)));
  socket.connect({ host: address, port });
  localPort = socket.localPort ?? 0;
  return promise;
}

async function sendDatagram({ netns, address, port }: Question): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Pick<Answer, "outcome" | "code">>();
  using socket = openUdpSocket(
    netns,
    { address: WILDCARDS[familyOf(address)], port: 0 },
    { datagram: () => resolve({ outcome: "connected" }), error: ({ code }) => resolve(outcomeOf(code)) },
  );
  const timer = setTimeout(() => resolve({ outcome: "sent" }), DATAGRAM_MS);
  try {
    const { port: localPort } = socket.local;
    socket.send(ONE_BYTE, { address, port });
    return { ...(await promise), localPort };
  } finally {
    clearTimeout(timer);
  }
}
