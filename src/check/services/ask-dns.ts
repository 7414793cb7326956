/** Asks a name server many questions from one socket inside a namespace. */
import { type DecodedPacket, decode, encode, type OptAnswer } from "dns-packet";
import { familyOf, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { KernelError } from "#kernel/kernel-error.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { openUdpSocket } from "#kernel/udp/udp-socket.ts";
import type { DnsAnswer, DnsQuestion } from "./plan-dns-questions.ts";

export interface DnsAsk {
  readonly netns: Netns;
  readonly server: IpAddress;
  readonly timeoutMs: number;
}

const DNS_PORT = 53;
const UNDER_WAY = 32;
const RECURSION_DESIRED = 0x100;
const FLAG_TRUNCATED = 0x200;
const FLAGS_OFFSET = 2;
/** Room for the addresses of about seventy endpoints. */
const ANSWER_BYTES = 1232;
const WILDCARDS = { 4: parseAddress("0.0.0.0"), 6: parseAddress("::") } as const;

/** Answers in the order of the questions. */
export async function askDns(questions: readonly DnsQuestion[], ask: DnsAsk): Promise<readonly DnsAnswer[]> {
  const { netns, server, timeoutMs } = ask;
  const pending = new Map<number, (answer: DnsAnswer) => void>();
  const fail = (failure: string): void => {
    for (const end of pending.values()) end({ records: [], isTruncated: false, failure });
  };
  try {
    using socket = openUdpSocket(
      netns,
      { address: WILDCARDS[familyOf(server)], port: 0 },
      {
        datagram(bytes) {
          const id = bytes.length < 4 ? 0 : bytes.readUInt16BE(0);
          pending.get(id)?.(readAnswer(bytes));
        },
        error: ({ code }) => fail(`${server} port ${DNS_PORT}: ${code}`),
      },
    );
    const one = async (id: number, question: DnsQuestion): Promise<DnsAnswer> => {
      const { promise, resolve } = Promise.withResolvers<DnsAnswer>();
      pending.set(id, (answer) => resolve(ofType(answer, question)));
      const failure = `${server} does not answer within ${timeoutMs} ms`;
      const timer = setTimeout(() => resolve({ records: [], isTruncated: false, failure }), timeoutMs);
      socket.send(encodeQuestion(id, question), { address: server, port: DNS_PORT });
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        pending.delete(id);
      }
    };
    const answers: DnsAnswer[] = [];
    const waiting = questions.entries();
    const worker = async (): Promise<void> => {
      for (const [index, question] of waiting) answers[index] = await one((index % 0xffff) + 1, question);
    };
    await Promise.all(Array.from({ length: UNDER_WAY }, worker));
    return answers;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return questions.map(() => ({ records: [], isTruncated: false, failure: `${server}: ${error.message}` }));
  }
}

function encodeQuestion(id: number, { name, type }: DnsQuestion): Buffer {
  const edns: OptAnswer = {
    ...{ type: "OPT", name: ".", udpPayloadSize: ANSWER_BYTES, extendedRcode: 0, ednsVersion: 0 },
    ...{ flags: 0, flag_do: false, options: [] },
  };
  const questions = [{ name, type }];
  return encode({ type: "query", id, flags: RECURSION_DESIRED, questions, additionals: [edns] });
}

/** Each record with its type before it. */
function readAnswer(bytes: Buffer): DnsAnswer {
  let packet: DecodedPacket;
  try {
    packet = decode(bytes);
  } catch (error) {
    const failure = `it cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return { records: [], isTruncated: false, failure };
  }
  const records = (packet.answers ?? []).flatMap((answer): readonly string[] => {
    if (answer.type === "A" || answer.type === "AAAA") return [`${answer.type} ${parseAddress(answer.data)}`];
    if (answer.type === "CNAME") return [`CNAME ${answer.data.toLowerCase()}`];
    return answer.type === "SRV" ? [`SRV ${answer.data.port} ${answer.data.target}`] : [];
  });
  return { records, isTruncated: (bytes.readUInt16BE(FLAGS_OFFSET) & FLAG_TRUNCATED) !== 0 };
}

function ofType({ records, ...answer }: DnsAnswer, { type }: DnsQuestion): DnsAnswer {
  const prefix = `${type} `;
  return {
    ...answer,
    records: records.flatMap((text) => (text.startsWith(prefix) ? [text.slice(prefix.length)] : [])),
  };
}
