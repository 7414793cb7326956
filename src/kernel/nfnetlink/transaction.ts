/**
 * Atomic changes of an nf_tables ruleset: all operations of a batch happen, or none.
 * Equal to `nft -f`. One socket serves for a process's life: closing one makes the kernel wait for what was deleted
 * over it (6 to 14 ms), a transaction over an open one costs some 10 µs.
 * Source: net/netfilter/nfnetlink.c (nfnetlink_rcv_batch), Linux 6.1. The kernel handles a batch inside `send` and goes on
 * behind a failed message, so that all errors of a batch are there when `send` returns. Only the last message asks for
 * an acknowledgement: it proves that the batch was understood as a whole.
 */
import { decode, encode } from "#base/codec/codec.ts";
import { isErrno, KernelError } from "../kernel-error.ts";
import {
  encodeMessage,
  messageParts,
  NETLINK_HEADER_BYTES,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F_ACK,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  readError,
} from "../netlink/message.ts";
import { createNetlinkSocket, NETLINK_NETFILTER, type NetlinkSocket } from "../netlink/socket.ts";
import type { Netns } from "../netns/netns.ts";
import { elementIndexAt } from "./element-offset.ts";
import {
  batchMessage,
  NFNETLINK_V0,
  NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END,
  NFNL_SUBSYS_NFTABLES,
} from "./nfnetlink.ts";
import { type NftFailure, NftTransactionError } from "./nft-error.ts";
import { describeKey, describeOperation, type NftOperation } from "./operation.ts";
import { operationMessages } from "./operation-messages.ts";
import { nftSetElements } from "./set-element.ts";

export interface NftSocket extends Disposable {
  readonly netns: Netns | undefined;
  /** For queries; see nft-query.ts. */
  readonly netlink: NetlinkSocket;
  /**
   * Applies all operations or none. `operation` finishes the sentence "Cannot …" and names the purpose.
   * Throws NftTransactionError (a KernelError) that names the operation which failed. Do not probe by failing: a refused
   * transaction takes some 8 ms, because the kernel waits for its readers when it rolls back.
   */
  commit(operations: readonly NftOperation[], operation: string, options?: CommitOptions): void;
}

export interface CommitOptions {
  /** Fail with ERESTART when the ruleset is no longer this generation (see `readGeneration`). */
  readonly generation?: number;
}

export function createNftSocket(netns?: Netns): NftSocket {
  const netlink = createNetlinkSocket({ protocol: NETLINK_NETFILTER, ...(netns && { netns }) });
  return {
    netns,
    netlink,
    commit(operations, operation, options = {}) {
      const batch = prepareBatch(operations, options, () => netlink.nextSequence());
      if (batch === undefined) return;
      netlink.send(batch.datagram, operation);
      const { acknowledged, failures } = collect(netlink, batch, operation);
      if (failures.length > 0) throw new NftTransactionError(operation, failures, operations.length);
      if (!acknowledged) throw new KernelError(operation, EIO, "the transaction was not acknowledged");
    },
    [Symbol.dispose]: () => netlink[Symbol.dispose](),
  };
}

const EIO = 5;
/** include/uapi/asm-generic/errno.h; neither Node nor libuv names it. */
const ERESTART = 85;

/** The commit asked for a generation that the ruleset no longer has: read again, plan again. */
export function isStaleGeneration(error: unknown): error is NftTransactionError {
  return error instanceof NftTransactionError && error.errno === ERESTART;
}

interface SentMessage {
  readonly index: number;
  readonly operation: NftOperation;
  readonly message: NetlinkRequest;
}

interface Batch {
  readonly datagram: Buffer;
  readonly sent: ReadonlyMap<number, SentMessage>;
  /** Of the messages that begin and end the batch. */
  readonly boundaries: readonly number[];
  readonly lastSequence: number;
}

/** The batch as one datagram; undefined when there is nothing to do. */
function prepareBatch(
  operations: readonly NftOperation[],
  { generation }: CommitOptions,
  nextSequence: () => number,
): Batch | undefined {
  const messages = operations.flatMap((operation, index) =>
    operationMessages(operation, index + 1).map((message) => ({ index, operation, message })),
  );
  if (messages.length === 0) return undefined;
  const sent = new Map<number, SentMessage>();
  const first = nextSequence();
  const parts = [boundary(NFNL_MSG_BATCH_BEGIN, first, generation)];
  let lastSequence = 0;
  for (const [position, entry] of messages.entries()) {
    lastSequence = nextSequence();
    sent.set(lastSequence, entry);
    const acknowledge = position === messages.length - 1 ? NLM_F_ACK : 0;
    const flags = (entry.message.flags ?? 0) | NLM_F_REQUEST | acknowledge;
    parts.push(...messageParts(entry.message, flags, lastSequence));
  }
  const end = nextSequence();
  parts.push(boundary(NFNL_MSG_BATCH_END, end, undefined));
  return { datagram: Buffer.concat(parts), sent, boundaries: [first, end], lastSequence };
}

function boundary(type: number, sequence: number, generation: number | undefined): Buffer {
  const payload = encode(batchMessage, {
    family: "unspec",
    version: NFNETLINK_V0,
    resourceId: NFNL_SUBSYS_NFTABLES,
    generation,
  });
  return encodeMessage({ type, payload }, NLM_F_REQUEST, sequence);
}

/** Errors come before the acknowledgement of the last message; without one, or behind errors, all answers are read. */
function collect(
  netlink: NetlinkSocket,
  { sent, boundaries, lastSequence }: Batch,
  operation: string,
): { readonly acknowledged: boolean; readonly failures: readonly NftFailure[] } {
  const failures: NftFailure[] = [];
  let acknowledged = false;
  for (const message of answers(netlink, operation)) {
    const { type, sequence } = message;
    // Others were left behind by a call that was interrupted.
    if (type !== NLMSG_ERROR || !(sent.has(sequence) || boundaries.includes(sequence))) continue;
    const error = readError(message, operation);
    if (error) failures.push(failureOf(error, sent.get(sequence)));
    else if (sequence === lastSequence) acknowledged = true;
    if (acknowledged && failures.length === 0) break;
  }
  return { acknowledged, failures };
}

/** All waiting messages. A full receive buffer (ENOBUFS: more errors than fit) is reported by the caller as no success. */
function* answers(netlink: NetlinkSocket, operation: string): Generator<NetlinkMessage> {
  for (;;) {
    try {
      const datagram = netlink.receive(operation);
      if (datagram === undefined) return;
      yield* datagram;
    } catch (error) {
      if (!isErrno(error, "ENOBUFS")) throw error;
    }
  }
}

function failureOf(error: KernelError, sent: SentMessage | undefined): NftFailure {
  const { errno, extack, offset } = error;
  if (sent === undefined) {
    const sentence = errno === ERESTART ? "the ruleset changed meanwhile" : "the transaction was refused";
    return { errno, extack, index: undefined, sentence, element: undefined };
  }
  const { index, operation, message } = sent;
  const position = offset === undefined ? undefined : elementIndexAt(message.payload, offset - NETLINK_HEADER_BYTES);
  const elements = position === undefined ? [] : decode(nftSetElements, message.payload).elements;
  const element = position === undefined ? undefined : elements[position];
  const many = elements.length > 1;
  const sentence = `${describeOperation(operation)}${element && many ? ` at${describeKey(element)}` : ""}`;
  return { errno, extack, index, sentence, element };
}
