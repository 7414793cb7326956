/**
 * Loaded before a program: ends it by SIGKILL at a chosen step of its work, as a crash or the OOM killer would.
 * A step is a system call of the table, or a call of node:fs, that changes something in the kernel or on disk.
 * Steps count while the file $KILL_CONTROL exists, from 1 for each content of it, so that start-up does not count:
 *     {"id": "…", "step": 17, "when": "before" | "behind"}
 * When the step begins, its description goes to `$KILL_CONTROL.begun`. Files are written in halves: a file that was cut
 * short is a state between two steps.
 */
import fs, { type PathOrFileDescriptor, type WriteFileOptions } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { syscalls, threadSyscalls } from "#kernel/syscalls/syscalls.ts";

/** Content of the control file. */
export interface Kill {
  readonly id: string;
  readonly step: number;
  /** `behind` a call on a pool thread is when it has returned; others go on meanwhile. */
  readonly when: "before" | "behind";
}

const control = process.env["KILL_CONTROL"] ?? "";
const original = { ...fs };
let counted = "";
let steps = 0;

/** What to do behind the step. Does not return when it has to happen before it. */
function begin(description: string): () => void {
  const content = readControl();
  if (content === undefined) return () => undefined;
  if (content !== counted) steps = 0;
  counted = content;
  // Written by the test that reads the type above.
  const { step, when } = JSON.parse(content) as Kill;
  steps += 1;
  if (steps !== step) return () => undefined;
  original.writeFileSync(`${control}.begun`, description);
  if (when === "before") die();
  return die;
}

function readControl(): string | undefined {
  try {
    const content = original.readFileSync(control, "utf8");
    return content === "" ? undefined : content;
  } catch {
    return undefined; // not armed
  }
}

function die(): void {
  process.kill(process.pid, "SIGKILL");
}

function asStep<Args extends readonly unknown[], Result>(
  name: string,
  run: (...args: Args) => Result,
  changes: (...args: Args) => boolean = () => true,
): (...args: Args) => Result {
  return (...args) => {
    if (!changes(...args)) return run(...args);
    const behind = begin(`${name} ${describe(args[0])}`);
    const result = run(...args);
    behind();
    return result;
  };
}

function describe(argument: unknown): string {
  return typeof argument === "string" || typeof argument === "number" ? String(argument) : "";
}

/** `struct nlmsghdr`: the type is behind the length. */
function messageType(data: unknown): number {
  return data instanceof Uint8Array && data.length >= 6 ? Buffer.from(data).readUInt16LE(4) : 0;
}

const NFNL_SUBSYS_CTNETLINK = 1;
const NFNL_SUBSYS_NFTABLES = 10;
/** IPCTNL_MSG_CT_GET; NFT_MSG_GET… of tables, chains, rules, sets, elements, generation. */
const NFNETLINK_READS = [
  NFNL_SUBSYS_CTNETLINK * 256 + 1,
  ...[1, 4, 7, 10, 13, 16].map((message) => NFNL_SUBSYS_NFTABLES * 256 + message),
];
const SOCK_DIAG_BY_FAMILY = 20;

/** RTM_GET… is the third of each four types. RTM_NEWADDR has the number of SOCK_DIAG_BY_FAMILY, but creates. */
function changesSomething(data: unknown): boolean {
  const type = messageType(data);
  if (type >= 256) return !NFNETLINK_READS.includes(type);
  if (type === SOCK_DIAG_BY_FAMILY) return data instanceof Uint8Array && ((data[7] ?? 0) & 0x04) !== 0; // NLM_F_CREATE
  return (type & 3) !== 2;
}

const bound = { ...syscalls };
for (const name of ["setns", "unshare", "mount", "umount2", "flock"] as const) {
  syscalls[name] = asStep(name, bound[name]);
}
syscalls.send = (...args) => {
  if (!changesSomething(args[1])) return bound.send(...args);
  return asStep(`send type ${messageType(args[1])} to`, bound.send)(...args);
};

const { send } = threadSyscalls;
threadSyscalls.send = async (fd, data) => {
  const behind = begin(`send type ${messageType(data)} on a thread`);
  const result = await send(fd, data);
  behind();
  return result;
};

const writable = new Set<number>();

function openSync(...args: Parameters<typeof fs.openSync>): number {
  const [, flags = "r"] = args;
  const { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC } = fs.constants;
  const changes = typeof flags === "number" ? (flags & (O_CREAT | O_TRUNC)) !== 0 : !/^r/.test(flags);
  const fd = asStep("openSync", original.openSync, () => changes)(...args);
  const isWritable = typeof flags === "number" ? (flags & (O_WRONLY | O_RDWR)) !== 0 : flags !== "r";
  if (isWritable) writable.add(fd);
  return fd;
}

/** Open, first half, second half, close; a descriptor stays open. Settings below /proc take one write. */
function writeInHalves(name: string, flag: string) {
  return (file: PathOrFileDescriptor, data: string | NodeJS.ArrayBufferView, options: WriteFileOptions = {}): void => {
    const { flag: givenFlag, mode } = typeof options === "object" && options !== null ? options : {};
    const fd = typeof file === "number" ? file : openSync(file, givenFlag ?? flag, mode);
    const bytes =
      typeof data === "string" ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const middle = String(file).startsWith("/proc/") ? bytes.length : bytes.length >> 1;
    for (const part of [bytes.subarray(0, middle), bytes.subarray(middle)]) {
      if (part.length > 0) asStep(name, (_file: unknown) => original.writeSync(fd, part))(String(file));
    }
    if (typeof file === "number") return;
    writable.delete(fd);
    original.closeSync(fd);
  };
}

Object.assign(fs, {
  openSync,
  writeFileSync: writeInHalves("writeFileSync", "w"),
  appendFileSync: writeInHalves("appendFileSync", "a"),
  writeSync: (...args: Parameters<typeof fs.writeSync>) =>
    asStep("writeSync", original.writeSync, (fd) => writable.has(fd))(...args),
  closeSync(fd: number): void {
    writable.delete(fd);
    original.closeSync(fd);
  },
  mkdirSync: asStep("mkdirSync", original.mkdirSync),
  renameSync: asStep("renameSync", original.renameSync),
  unlinkSync: asStep("unlinkSync", original.unlinkSync),
  rmSync: asStep("rmSync", original.rmSync),
  rmdirSync: asStep("rmdirSync", original.rmdirSync),
  utimesSync: asStep("utimesSync", original.utimesSync),
  ftruncateSync: asStep("ftruncateSync", original.ftruncateSync),
  chmodSync: asStep("chmodSync", original.chmodSync),
  linkSync: asStep("linkSync", original.linkSync),
  symlinkSync: asStep("symlinkSync", original.symlinkSync),
});
syncBuiltinESMExports();
