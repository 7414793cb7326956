/** What tests of the kubelet on a real node need: the cluster, pods by their spec, kubectl with input and output. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatConflist } from "#cli/install/conflist.ts";
import { killEntered } from "#cluster/enter-node.ts";
import { buildImages } from "#cluster/images.ts";
import { exitStatus } from "#cluster/program.ts";
import type { KubeletConfig } from "#kubelet/run-kubelet.ts";
import type { Kubectl } from "#test/kubectl/find-kubectls.ts";
import { type KubeletCluster, type NodeProcess, startKubeletCluster } from "./kubelet-cluster.ts";
import { copyReference } from "./plugin-folders.ts";

export interface KubeletTest extends AsyncDisposable {
  readonly cluster: KubeletCluster;
  /** Rejects when it fails. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** Of an object. */
  get(what: string, name: string, jsonpath: string): Promise<string>;
  waitFor(pod: string, condition: string): Promise<void>;
  createPod(name: string, spec: object, metadata?: object): Promise<void>;
  /** A kubectl that runs meanwhile. */
  start(args: readonly string[], kubectl?: Kubectl): Talk;
  /** Any program of the node. */
  startInNode(argv: readonly string[]): Talk;
  restartKubelet(how: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/** A program's input and output. */
export interface Talk {
  write(text: string | Buffer): void;
  end(text?: string | Buffer): void;
  /** Resolves when its output so far matches. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Of its end. */
  readonly done: Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  kill(): void;
}

/** Longest time until a program says what is waited for. */
const SAY_MS = 30_000;
export const IMAGE = "busybox";

/** A container that runs a shell script. */
export function shell(name: string, script: string, more: object = {}): object {
  return { name, image: IMAGE, imagePullPolicy: "IfNotPresent", command: ["sh", "-c", script], ...more };
}

export async function startKubeletTest(
  name: string,
  more: Partial<KubeletConfig>,
  signal: AbortSignal,
): Promise<KubeletTest> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "podwire-kubelet-"));
  stack.defer(() => rm(folder, { recursive: true }));
  const [binDir, confDir] = [join(folder, "bin"), join(folder, "conf")];
  mkdirSync(confDir);
  await writeFile(join(confDir, "10-podwire.conflist"), formatConflist("10.244.0.0/24"));
  copyReference(binDir, ["bridge", "host-local", "loopback", "portmap"]);
  const { pause, busybox } = await buildImages(join(folder, "images"), signal);
  const options = { name, stateDir: join(folder, "nodes"), binDir, confDir, images: [pause, busybox] };
  const cluster = await startKubeletCluster(options, more, signal);
  stack.defer(async () => {
    if (process.env["PODWIRE_TEST_LOG"]) process.stderr.write(cluster.log());
    await cluster[Symbol.asyncDispose]();
  });
  let kubelet: NodeProcess = await cluster.startKubelet();
  const kubectl = (...args: readonly string[]): Promise<string> => cluster.kubectl(args, signal);
  await kubectl("wait", `node/${name}`, "--for=condition=Ready", "--timeout=60s");
  const owned = stack.move();
  return {
    cluster,
    kubectl,
    get: (what, object, jsonpath) => kubectl("get", what, object, "-o", `jsonpath=${jsonpath}`),
    async waitFor(pod, condition) {
      await kubectl("wait", `pod/${pod}`, `--for=${condition}`, "--timeout=60s");
    },
    async createPod(pod, spec, metadata = {}) {
      const object = { apiVersion: "v1", kind: "Pod", metadata: { name: pod, ...metadata }, spec };
      const file = await cluster.writeFile(`${pod}.json`, JSON.stringify(object));
      await kubectl("create", "-f", file);
    },
    start: (args, which) => talkTo(cluster.kubectlCommand(args, which), signal),
    startInNode: (argv) => talkTo(cluster.node.command(argv), signal),
    async restartKubelet(how) {
      await kubelet.end(how);
      kubelet = await cluster.startKubelet();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function talkTo([program = "", ...args]: readonly string[], signal: AbortSignal): Talk {
  const child: ChildProcess = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  const kill = (): void => killEntered(child);
  signal.addEventListener("abort", kill, { once: true });
  let [stdout, stderr] = ["", ""];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const each of waiting) each();
  };
  child.stdin?.on("error", () => undefined); // it may end without reading
  child.stdout?.setEncoding("latin1").on("data", (text: string) => {
    stdout += text;
    wake();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    wake();
  });
  const done = exitStatus(child).then((code) => {
    signal.removeEventListener("abort", kill);
    return { code, stdout, stderr };
  });
  return {
    done,
    kill,
    write: (text) => void child.stdin?.write(text),
    end: (text = "") => void child.stdin?.end(text),
    says(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
      const look = (): void => {
        const found = pattern.exec(stdout) ?? pattern.exec(stderr);
        if (found !== null) resolve(found);
      };
      waiting.add(look);
      look();
      const timer = setTimeout(
        () => reject(new Error(`"${args.slice(-8).join(" ")}" has not said ${pattern}: ${stdout}${stderr}`)),
        SAY_MS,
      );
      done.then(
        ({ code }) => reject(new Error(`"${args.slice(-8).join(" ")}" ended with ${code}: ${stdout}${stderr}`)),
        reject,
      );
      return promise.finally(() => {
        clearTimeout(timer);
        waiting.delete(look);
      });
    },
  };
}
