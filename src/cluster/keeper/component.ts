/**
 * A program that a cluster consists of, as a child process: its log, its end with the reason, and the way to end it.
 * On the machine itself it is killed together with the keeper; in a node it ends with the node.
 * Source: setpriv(1), PR_SET_PDEATHSIG of prctl(2).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, open, readFile, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { enteredPid, signalEntered } from "../enter-node.ts";
import { exitStatus } from "../program.ts";

export interface Component {
  /** As `podwire status` shows it: "kubelet". */
  readonly name: string;
  /** Resolves when it does its work. */
  start(signal: AbortSignal): Promise<RunningComponent>;
}

export interface RunningComponent {
  /** As this machine counts; undefined once it has ended. */
  pid(): number | undefined;
  /** Gives the reason when it has ended, for whatever cause. */
  readonly exited: Promise<string>;
  /** Resolves when it has ended: in order by SIGTERM, at once by SIGKILL. May be called again. */
  end(name: "SIGTERM" | "SIGKILL"): Promise<void>;
}

export interface ComponentProcess extends RunningComponent {
  /** Aborts with the reason when it has ended. */
  readonly ended: AbortSignal;
}

export interface ProcessOptions {
  readonly name: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Appended to. */
  readonly logPath: string;
}

const LOG_LINES_SHOWN = 5;
/** For an end in order. */
const END_TIMEOUT_MS = 10_000;

/** `argv` enters a node, see `enterNode`. */
export async function spawnInNode(options: ProcessOptions): Promise<ComponentProcess> {
  const child = await spawnWithLog(options);
  return watchComponent(options, child, {
    pid: () => enteredPid(child),
    send: (name) => signalEntered(child, name),
  });
}

/** On this machine, until the keeper ends. Nobody answers if it has ended before the kernel was told. */
export async function spawnOnMachine(options: ProcessOptions): Promise<ComponentProcess> {
  const waitForGo = ["setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", 'read -r go && exec "$@" </dev/null', "sh"];
  const child = await spawnWithLog({ ...options, argv: [...waitForGo, ...options.argv] });
  child.stdin?.on("error", () => undefined); // EPIPE: it has ended, which "close" reports
  child.stdin?.end("go\n");
  return watchComponent(options, child, { pid: () => child.pid, send: (name) => void child.kill(name) });
}

/** In a session of its own: Ctrl-C is for others. */
async function spawnWithLog({ argv, environment, logPath }: ProcessOptions): Promise<ChildProcess> {
  await mkdir(dirname(logPath), { recursive: true });
  await using log = await open(logPath, "a");
  const [program = "", ...args] = argv;
  return spawn(program, args, { stdio: ["pipe", log.fd, log.fd], env: environment, detached: true });
}

interface Handle {
  readonly pid: () => number | undefined;
  readonly send: (name: "SIGTERM" | "SIGKILL") => void;
}

function watchComponent({ name, logPath }: ProcessOptions, child: ChildProcess, handle: Handle): ComponentProcess {
  const ended = new AbortController();
  const exited = exitStatus(child).then(
    async (code) => `${name} ended with status ${code}: ${await lastLines(logPath)}`,
    (error) => `${name} could not be started: ${error}`,
  );
  void exited.then((reason) => ended.abort(new Error(reason)));
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid: () => (isRunning() ? handle.pid() : undefined),
    exited,
    ended: ended.signal,
    async end(signalName) {
      if (isRunning()) handle.send(signalName);
      const timer = setTimeout(() => isRunning() && handle.send("SIGKILL"), END_TIMEOUT_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** For a message about something else, so it never fails itself. */
export async function lastLines(path: string, count = LOG_LINES_SHOWN): Promise<string> {
  try {
    const text = (await readFile(path, "utf8")).trim();
    if (text === "" && (await statfs(dirname(path))).bavail === 0) return `no space left on device: ${dirname(path)}`;
    return text.split("\n").slice(-count).join("\n");
  } catch (error) {
    return `its log cannot be read: ${error}`;
  }
}
