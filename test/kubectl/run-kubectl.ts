/** Runs kubectl for one group of cases: private home, kubeconfig, cache and folder. */
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { Kubectl } from "./find-kubectls.ts";

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  /** undefined: ended by a signal. */
  readonly code: number | undefined;
}

export interface RunningKubectl {
  /** Gives stdout. Rejects when the process has ended, or the deadline has passed, before it has printed that. */
  printed(isEnough: (output: Pick<Finished, "stdout" | "stderr">) => boolean): Promise<string>;
  interrupt(): void;
  readonly finished: Promise<Finished>;
}

export interface RunRequest {
  readonly args: readonly string[];
  readonly stdin?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

export interface KubectlRunner {
  start(request: RunRequest): RunningKubectl;
}

const DEADLINE_MS = 60_000;
/** Go collects no garbage: kubectl ends before that pays, and the table runs in three quarters of the time. */
const GOGC = "off";

export interface RunnerOptions {
  readonly kubectl: Kubectl;
  readonly folder: string;
  readonly namespace: string;
  readonly kubeconfigText: string;
  readonly files: Readonly<Record<string, string>>;
}

export async function createKubectlRunner(options: RunnerOptions): Promise<KubectlRunner> {
  const { kubectl, folder } = options;
  const path = (name: string): string => join(folder, name);
  await Promise.all([mkdir(path("home"), { recursive: true }), mkdir(path("work"), { recursive: true })]);
  await writeFile(path("kubeconfig"), inNamespace(options.kubeconfigText, options.namespace), { mode: 0o600 });
  for (const [name, content] of Object.entries(options.files)) {
    await writeFile(join(path("work"), name), content, { mode: 0o755 });
  }
  const [HOME, KUBECONFIG] = [path("home"), path("kubeconfig")];
  // An edit that fails leaves its file in the folder for temporary ones.
  const base = { PATH: "/usr/bin:/bin", HOME, TMPDIR: HOME, KUBECONFIG, TZ: "UTC", GOGC };
  return {
    start({ args, stdin = "", environment = {} }) {
      const more = Object.entries(environment).map(([name, value]) => [name, value.replace("$FOLDER", path("work"))]);
      const child = spawn(kubectl.path, ["--cache-dir", path("cache"), ...args], {
        cwd: path("work"),
        env: { ...base, ...Object.fromEntries(more) },
        stdio: ["pipe", "pipe", "pipe"],
      });
      child.stdin.on("error", () => undefined); // it may end without reading its input
      child.stdin.end(stdin);
      return follow(child);
    },
  };
}

function follow(child: ReturnType<typeof spawn>): RunningKubectl {
  const output = { stdout: "", stderr: "" };
  const { promise: finished, resolve, reject } = Promise.withResolvers<Finished>();
  const listeners = new Set<() => void>();
  let hasEnded = false;
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      for (const listener of listeners) listener();
    });
  }
  const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  child.on("error", reject);
  child.on("close", (code, signal) => {
    clearTimeout(timer);
    hasEnded = true;
    for (const listener of listeners) listener();
    if (signal === "SIGKILL") reject(new Error(`kubectl did not end in time\n${output.stdout}\n${output.stderr}`));
    else resolve({ ...output, code: code ?? undefined });
  });
  finished.catch(() => undefined); // who waits for it hears of it
  return {
    finished,
    interrupt: () => void child.kill("SIGINT"),
    printed(isEnough) {
      const { promise, resolve: found, reject: fail } = Promise.withResolvers<string>();
      const look = (): void => {
        if (isEnough(output)) found(output.stdout);
        else if (hasEnded)
          fail(new Error(`kubectl ended before that\n--- stdout\n${output.stdout}\n--- stderr\n${output.stderr}`));
      };
      listeners.add(look);
      look();
      return promise.finally(() => listeners.delete(look));
    },
  };
}

function inNamespace(kubeconfigText: string, namespace: string): string {
  const config = parse(kubeconfigText);
  config.contexts[0].context.namespace = namespace;
  return stringify(config);
}

/** Words as a shell makes them, without variables and escapes. */
export function splitWords(line: string): readonly string[] {
  return [...line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replace(
      /'([^']*)'|"([^"]*)"/g,
      (_, single: string | undefined, double: string | undefined) => single ?? double ?? "",
    ),
  );
}
