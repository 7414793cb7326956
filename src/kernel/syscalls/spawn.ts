/**
 * Starts a program and waits for its end, with as little around it as the C library allows: posix_spawn and waitpid,
 * standard streams on memory files. `node:child_process` costs milliseconds a process, this some tenths of one, so
 * it serves to measure programs that run for milliseconds; the time taken is part of the answer.
 * Source: posix_spawn(3), memfd_create(2), waitpid(2); glibc 2.31 (sizes of its opaque types).
 */
import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import koffi from "koffi";
import { KernelError } from "../kernel-error.ts";

const libc = koffi.load("libc.so.6");

const posixSpawn = libc.func(
  "int posix_spawn(_Out_ int *pid, str path, void *actions, void *attributes, const char **argv, const char **envp)",
);
const waitpid = libc.func("int waitpid(int pid, _Out_ int *status, int options)");
const memfdCreate = libc.func("int memfd_create(str name, unsigned int flags)");
const initActions = libc.func("int posix_spawn_file_actions_init(void *actions)");
const addDup2 = libc.func("int posix_spawn_file_actions_adddup2(void *actions, int fd, int newfd)");
const destroyActions = libc.func("int posix_spawn_file_actions_destroy(void *actions)");
const initAttributes = libc.func("int posix_spawnattr_init(void *attributes)");
const setFlags = libc.func("int posix_spawnattr_setflags(void *attributes, short flags)");
const setSigmask = libc.func("int posix_spawnattr_setsigmask(void *attributes, void *set)");
const setSigdefault = libc.func("int posix_spawnattr_setsigdefault(void *attributes, void *set)");

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
  const [pid, status] = [[0], [0]];
  const { argv, envp } = vectors(program);
  const start = performance.now();
  const refused: number = posixSpawn(pid, program.path, streams.actions, attributes, argv, envp);
  if (refused === 0) while (waitpid(pid[0], status, 0) < 0);
  const durationMs = performance.now() - start;
  if (refused !== 0) throw new KernelError(`start "${program.path}"`, refused);
  return { exitStatus: exitStatusOf(status[0] ?? 0), ...streams.read(), durationMs };
}

/** As spawnAndWait, both calls on pool threads: as many programs at a time as UV_THREADPOOL_SIZE. */
export async function spawnAndWaitOnThread(program: Program): Promise<ProgramOutcome> {
  using streams = openStreams(program.stdin);
  const [pid, status] = [[0], [0]];
  const { argv, envp } = vectors(program);
  const start = performance.now();
  const refused = await onThread(posixSpawn, pid, program.path, streams.actions, attributes, argv, envp);
  if (refused === 0) await onThread(waitpid, pid[0], status, 0);
  const durationMs = performance.now() - start;
  if (refused !== 0) throw new KernelError(`start "${program.path}"`, refused);
  return { exitStatus: exitStatusOf(status[0] ?? 0), ...streams.read(), durationMs };
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

function onThread(call: ReturnType<typeof libc.func>, ...args: unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(...args, (error: Error | null, result: number) => (error ? reject(error) : resolve(result)));
  });
}

/** WIFEXITED, WEXITSTATUS and WTERMSIG of wait(2). */
function exitStatusOf(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}
