/**
 * Starts a program and waits for its end, with as little around it as the C library allows: posix_spawn and waitpid,
 * standard streams on memory files. `node:child_process` costs milliseconds a process, this some tenths of one, so
 * it serves to measure programs that run for milliseconds; the time taken is part of the answer.
 * Source: posix_spawn(3), memfd_create(2), pidfd_open(2), waitpid(2); glibc 2.31 (sizes of its opaque types).
 */
import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import koffi from "koffi";
import { KernelError } from "../kernel-error.ts";
import { call, SYS_pidfd_open } from "./syscalls.ts";

const libc = koffi.load("libc.so.6");

const posixSpawn = libc.func(
  "int posix_spawn(_Out_ int *pid, str path, void *actions, void *attributes, const char **argv, const char **envp)",
);
const poll = libc.func("int poll(void *fds, unsigned long count, int timeout)");
const waitpid = libc.func("int waitpid(int pid, _Out_ int *status, int options)");
const memfdCreate = libc.func("int memfd_create(str name, unsigned int flags)");
const initActions = libc.func("int posix_spawn_file_actions_init(void *actions)");
const addDup2 = libc.func("int posix_spawn_file_actions_adddup2(void *actions, int fd, int newfd)");
const destroyActions = libc.func("int posix_spawn_file_actions_destroy(void *actions)");
const initAttributes = libc.func("int posix_spawnattr_init(void *attributes)");
const setFlags = libc.func("int posix_spawnattr_setflags(void *attributes, short flags)");
const setSigmask = libc.func("int posix_spawnattr_setsigmask(void *attributes, void *set)");
const setSigdefault = libc.func("int posix_spawnattr_setsigdefault(void *attributes, void *set)");

/** struct pollfd {fd i32, events i16, revents i16}: poll(2) */
const POLLFD_BYTES = 8;
const POLLFD_EVENTS = 4;
const POLLFD_RETURNED = 6;
const POLLIN = 1;
const MFD_CLOEXEC = 1;
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
/** Not less than sizeof posix_spawn_file_actions_t (80), posix_spawnattr_t (336) and sigset_t (128) of glibc. */
const ACTIONS_BYTES = 128;
const ATTRIBUTES_BYTES = 512;
const SIGSET_BYTES = 128;

/** No signal is blocked in the child, as libuv's pool threads block some, nor ignored, as Node ignores SIGPIPE. */
const attributes = Buffer.alloc(ATTRIBUTES_BYTES);
initAttributes(attributes);
setFlags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
setSigmask(attributes, Buffer.alloc(SIGSET_BYTES));
setSigdefault(attributes, Buffer.alloc(SIGSET_BYTES, 0xff));

export interface Program {
  readonly path: string;
  /** argv with the program's own name first. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: string;
}

export interface ProgramOutcome {
  /** Exit status; 128 + number when a signal ended the program, as in a shell. */
  readonly exitStatus: number;
  readonly stdout: string;
  readonly stderr: string;
  /** From just before posix_spawn to the return of waitpid. */
  readonly durationMs: number;
}

/** Blocks until the program has ended. Throws KernelError when it cannot be started. */
export function spawnAndWait(program: Program): ProgramOutcome {
  using streams = openStreams(program.stdin);
  const begun = begin(program, streams);
  const exitStatus = wait(begun.pid);
  const durationMs = performance.now() - begun.start;
  return { exitStatus, ...streams.read(), durationMs };
}

/** Throws KernelError when the program cannot be started. */
function begin(program: Program, { actions }: Streams): { readonly pid: number; readonly start: number } {
  const pid = [0];
  const { argv, envp } = vectors(program);
  const start = performance.now();
  const refused: number = posixSpawn(pid, program.path, actions, attributes, argv, envp);
  if (refused !== 0) throw new KernelError(`start "${program.path}"`, refused);
  return { pid: pid[0] ?? 0, start };
}

/** Answers the exit status. */
function wait(pid: number): number {
  const status = [0];
  while (waitpid(pid, status, 0) < 0);
  return exitStatusOf(status[0] ?? 0);
}

interface Running {
  readonly streams: Streams;
  readonly pid: number;
  /** Readable when the program has ended. */
  readonly pidfd: number;
  readonly start: number;
  settle(outcome: ProgramOutcome): void;
}

const running = new Set<Running>();

/**
 * As spawnAndWait, for several at a time: when nothing else is left to do in this turn of the event loop, the thread
 * sleeps until one of them has ended. Threads would cost more than the programs do.
 */
export async function spawnAndWaitTogether(program: Program): Promise<ProgramOutcome> {
  using streams = openStreams(program.stdin);
  const { promise, resolve } = Promise.withResolvers<ProgramOutcome>();
  const { pid, start } = begin(program, streams);
  const pidfd = call("pidfd_open", "watch a process", SYS_pidfd_open, pid, 0);
  if (running.size === 0) setImmediate(waitForSome);
  running.add({ streams, pid, pidfd, start, settle: resolve });
  return await promise;
}

/** Sleeps until at least one program has ended. */
function waitForSome(): void {
  const all = [...running];
  const fds = Buffer.alloc(POLLFD_BYTES * all.length);
  for (const [index, { pidfd }] of all.entries()) {
    fds.writeInt32LE(pidfd, index * POLLFD_BYTES);
    fds.writeInt16LE(POLLIN, index * POLLFD_BYTES + POLLFD_EVENTS);
  }
  poll(fds, all.length, -1);
  for (const [index, one] of all.entries()) {
    if (fds.readInt16LE(index * POLLFD_BYTES + POLLFD_RETURNED) === 0) continue;
    const exitStatus = wait(one.pid);
    const durationMs = performance.now() - one.start;
    closeSync(one.pidfd);
    running.delete(one);
    one.settle({ exitStatus, ...one.streams.read(), durationMs });
  }
  // Whoever got an outcome starts the next one before.
  if (running.size > 0) setImmediate(waitForSome);
}

function vectors({ argv, environment }: Program): { readonly argv: unknown[]; readonly envp: unknown[] } {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return { argv: [...argv, null], envp: [...variables, null] };
}

interface Streams extends Disposable {
  /** posix_spawn_file_actions_t that puts the files on 0, 1 and 2. */
  readonly actions: Buffer;
  read(): { readonly stdout: string; readonly stderr: string };
}

function openStreams(stdin: string): Streams {
  const files = ["stdin", "stdout", "stderr"].map((name): number => memfdCreate(name, MFD_CLOEXEC));
  const [input = -1, output = -1, errors = -1] = files;
  if (stdin !== "") writeSync(input, stdin, 0); // pwrite: the offset that the child shares stays 0
  const actions = Buffer.alloc(ACTIONS_BYTES);
  initActions(actions);
  for (const [target, fd] of files.entries()) addDup2(actions, fd, target);
  return {
    actions,
    read: () => ({ stdout: readWhole(output), stderr: readWhole(errors) }),
    [Symbol.dispose]() {
      destroyActions(actions);
      for (const fd of files) if (fd >= 0) closeSync(fd);
    },
  };
}

function readWhole(fd: number): string {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  return bytes.toString("utf8", 0, bytes.length === 0 ? 0 : readSync(fd, bytes, 0, bytes.length, 0));
}

/** WIFEXITED, WEXITSTATUS and WTERMSIG of wait(2). */
function exitStatusOf(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}
