/**
 * Counts the processes that descend from one process, by the events of the kernel's process connector: exact, whatever
 * else runs on the machine, and without tracing anybody. Threads are not counted.
 * Needs root in the initial network, process and user namespaces; elsewhere there is no such socket.
 * Source: include/uapi/linux/cn_proc.h and connector.h, Linux 6.1.
 */
import { closeSync, readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { KernelError } from "#kernel/kernel-error.ts";
import { decodeMessages, encodeMessage, NLMSG_DONE } from "#kernel/netlink/message.ts";
import {
  AF_NETLINK,
  call,
  lastErrno,
  MSG_DONTWAIT,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
  syscalls,
} from "#kernel/syscalls/syscalls.ts";

const NETLINK_CONNECTOR = 11;
const CN_IDX_PROC = 1;
const CN_VAL_PROC = 1;
const PROC_CN_MCAST_LISTEN = 1;
/** struct cn_msg {idx u32, val u32, seq u32, ack u32, len u16, flags u16}, struct proc_event {what u32, cpu u32, time u64}. */
const CN_MSG_BYTES = 20;
const PROC_EVENT_BYTES = 16;
const PROC_EVENT_FORK = 0x1;
const PROC_EVENT_EXEC = 0x2;
const RECEIVE_BUFFER_BYTES = 32 * 1024 * 1024;
const RECEIVE_BYTES = 4096;

export type ProcessEvent =
  /** A thread when `pid` is not `processId`. */
  | { readonly event: "fork"; readonly parent: number; readonly pid: number; readonly processId: number }
  | { readonly event: "exec"; readonly processId: number };

export interface ProcessCount {
  /** Processes started: forks that made no thread. */
  readonly processes: number;
  /** Programs started: execve(2) calls that succeeded. */
  readonly programs: number;
}

export interface ProcessEvents extends Disposable {
  /** Everything since opening. Undefined when the kernel had to drop events. */
  read(): readonly ProcessEvent[] | undefined;
}

/** Undefined where the kernel has no process connector for us. */
export function openProcessEvents(): ProcessEvents | undefined {
  const fd = syscalls.socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);
  if (fd < 0) return undefined;
  try {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(RECEIVE_BUFFER_BYTES);
    call("setsockopt", "enlarge receive buffer", fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length);
    const address = Buffer.alloc(12); // struct sockaddr_nl {family u16, pad u16, pid u32, groups u32}
    address.writeUInt16LE(AF_NETLINK, 0);
    address.writeUInt32LE(CN_IDX_PROC, 8);
    call("bind", "join the process connector", fd, address, address.length);
    const listen = encodeMessage({ type: NLMSG_DONE, payload: listenPayload() }, 0, 1);
    call("send", "listen to processes", fd, listen, listen.length, 0);
  } catch (error) {
    closeSync(fd);
    if (error instanceof KernelError) return undefined;
    throw error;
  }
  return { read: () => readAll(fd), [Symbol.dispose]: () => closeSync(fd) };
}

/** Events of one datagram of the connector; kinds that do not matter here are left out. */
export function decodeProcessEvents(datagram: Buffer): readonly ProcessEvent[] {
  return decodeMessages(datagram).flatMap(({ payload }): readonly ProcessEvent[] => {
    if (payload.length < CN_MSG_BYTES + PROC_EVENT_BYTES + 16) return [];
    const what = payload.readUInt32LE(CN_MSG_BYTES);
    const field = (index: number) => payload.readUInt32LE(CN_MSG_BYTES + PROC_EVENT_BYTES + 4 * index);
    if (what === PROC_EVENT_FORK) return [{ event: "fork", parent: field(1), pid: field(2), processId: field(3) }];
    if (what === PROC_EVENT_EXEC) return [{ event: "exec", processId: field(1) }];
    return [];
  });
}

/** `family`: the processes whose descendants count, as they were before the first event. */
export function countProcesses(family: Iterable<number>, events: readonly ProcessEvent[]): ProcessCount {
  const known = new Set(family);
  let [processes, programs] = [0, 0];
  for (const event of events) {
    if (event.event === "exec") programs += known.has(event.processId) ? 1 : 0;
    else if (event.pid === event.processId && known.has(event.parent)) {
      known.add(event.processId);
      processes += 1;
    }
  }
  return { processes, programs };
}

/** `root` and all its descendants, by parent of each process. */
export function descendants(root: number, parents: ReadonlyMap<number, number>): ReadonlySet<number> {
  const family = new Set([root]);
  for (let before = 0; before < family.size; ) {
    before = family.size;
    for (const [pid, parent] of parents) if (family.has(parent)) family.add(pid);
  }
  return family;
}

/** Parent of every process of the machine. Source: proc(5), /proc/pid/stat: the field behind the name and the state. */
export function readParents(): ReadonlyMap<number, number> {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readStat(entry);
    if (stat !== undefined) parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  return parents;
}

function readStat(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined; // it has ended meanwhile
  }
}

function listenPayload(): Buffer {
  const payload = Buffer.alloc(CN_MSG_BYTES + 4);
  payload.writeUInt32LE(CN_IDX_PROC, 0);
  payload.writeUInt32LE(CN_VAL_PROC, 4);
  payload.writeUInt16LE(4, 16);
  payload.writeUInt32LE(PROC_CN_MCAST_LISTEN, CN_MSG_BYTES);
  return payload;
}

function readAll(fd: number): readonly ProcessEvent[] | undefined {
  const buffer = Buffer.alloc(RECEIVE_BYTES);
  const events: ProcessEvent[] = [];
  for (;;) {
    const length = syscalls.recv(fd, buffer, buffer.length, MSG_DONTWAIT);
    if (length >= 0) events.push(...decodeProcessEvents(buffer.subarray(0, length)));
    else return lastErrno() === constants.errno.EAGAIN ? events : undefined;
  }
}
