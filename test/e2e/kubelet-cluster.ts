/** A cluster of one node: containerd, a control plane and a kubelet, all in the node's namespaces. */
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { signalEntered } from "#cluster/enter-node.ts";
import { NODE_PATH, type NodeOptions, type NodeSandbox, startNode } from "#cluster/node-sandbox.ts";
import { OUTSIDE, startOutside } from "#cluster/outside.ts";
import type { ProgramResult } from "#cluster/program.ts";
import { writeKubeconfig } from "#control-plane/pki/kubeconfig.ts";
import { openPki, type Pki } from "#control-plane/pki/open-pki.ts";
import type { KubeletConfig } from "#kubelet/run-kubelet.ts";
import { findKubectls, type Kubectl } from "#test/kubectl/find-kubectls.ts";

export interface KubeletCluster extends AsyncDisposable {
  readonly node: NodeSandbox;
  /** Makes a file that the node sees; gives its path there. */
  writeFile(name: string, text: string): Promise<string>;
  /** Rejects when it fails. */
  kubectl(args: readonly string[], signal: AbortSignal): Promise<string>;
  tryKubectl(args: readonly string[], signal: AbortSignal): Promise<ProgramResult>;
  /** A command line that runs a kubectl in the node: the newest, or the one given. */
  kubectlCommand(args: readonly string[], kubectl?: Kubectl): readonly string[];
  startKubelet(): Promise<NodeProcess>;
  /** Signs certificates for whoever else talks to it. */
  readonly pki: Pki;
  /** Of all processes. */
  log(): string;
}

export interface NodeProcess {
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

const SOURCE = join(import.meta.dirname, "../../src");
const START_MS = 60_000;
/** In the node. */
const FOLDER = "/run/cluster";
const CONFIG = "kubelet.json";

/** `more`: of the kubelet's configuration. */
export async function startKubeletCluster(
  options: NodeOptions,
  more: Partial<KubeletConfig>,
  signal: AbortSignal,
): Promise<KubeletCluster> {
  await using cleanup = new AsyncDisposableStack();
  const node = cleanup.use(await startNode(options, signal));
  cleanup.use(await startOutside(node, signal));
  const processes = cleanup.use(new AsyncDisposableStack());
  let log = "";

  /** Resolves when its log shows the text. */
  async function run(argv: readonly string[], text: RegExp): Promise<NodeProcess> {
    const [program = "", ...args] = node.command([process.execPath, "--disable-warning=ExperimentalWarning", ...argv]);
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], env: { PATH: NODE_PATH } });
    const ready = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    let own = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      log += chunk;
      own += chunk;
      if (text.test(own)) ready.resolve();
    });
    child.on("close", (code) => {
      ended.resolve();
      ready.reject(new Error(`"${argv.join(" ")}" ended with ${code}: ${own}`));
    });
    const timer = setTimeout(() => ready.reject(new Error(`"${argv.join(" ")}" is not ready: ${own}`)), START_MS);
    const end = async (name: "SIGTERM" | "SIGKILL"): Promise<void> => {
      if (child.exitCode === null && child.signalCode === null) signalEntered(child, name);
      await ended.promise;
    };
    processes.defer(() => end("SIGTERM"));
    await ready.promise.finally(() => clearTimeout(timer));
    return { end };
  }

  const address = String(OUTSIDE.nodeAddress);
  // The node's own /run: the machine's folders may not be seen from there.
  const outer = node.rootPath + FOLDER;
  await mkdir(outer, { recursive: true });
  const kubeconfig = join(FOLDER, "admin.kubeconfig");
  const server = `${address}:6443`;
  await run(
    [
      join(SOURCE, "cli/entry.ts"),
      "control-plane",
      ...["--listen", server, "--data-dir", join(FOLDER, "data"), "--kubeconfig", kubeconfig],
    ],
    / is ready\./,
  );
  const pki = await openPki({ directory: join(outer, "data/pki"), serverNames: [], now: () => new Date() });
  await writeKubelet({ pki, outer, server: `https://${server}`, address, node, more });
  const [newest] = findKubectls().supported.toReversed();
  const argvOf = (args: readonly string[], kubectl = newest): readonly string[] => [
    kubectl?.path ?? "kubectl",
    ...["--kubeconfig", kubeconfig],
    ...args,
  ];
  const tryKubectl: KubeletCluster["tryKubectl"] = (args, current) => node.exec(argvOf(args), current);
  const startKubelet = (): Promise<NodeProcess> =>
    run([join(SOURCE, "kubelet/main.ts"), join(FOLDER, CONFIG)], /kubelet ready/);
  const owned = cleanup.move();
  return {
    node,
    tryKubectl,
    async kubectl(args, current) {
      const { code, stdout, stderr } = await tryKubectl(args, current);
      if (code !== 0) throw new Error(`Cannot run "kubectl ${args.join(" ")}": ${code}: ${stderr}${stdout}`);
      return stdout;
    },
    kubectlCommand: (args, kubectl) => node.command(argvOf(args, kubectl)),
    startKubelet,
    async writeFile(name, text) {
      await writeFile(join(outer, name), text);
      return join(FOLDER, name);
    },
    pki,
    log: () => log,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface KubeletFiles {
  readonly pki: Pki;
  /** The folder as this process sees it. */
  readonly outer: string;
  readonly server: string;
  readonly address: string;
  readonly node: NodeSandbox;
  readonly more: Partial<KubeletConfig>;
}

async function writeKubelet({ pki, outer, server, address, node, more }: KubeletFiles): Promise<void> {
  const names = { commonName: `system:node:${node.name}`, organizations: ["system:nodes"] };
  const [client, serving] = await Promise.all([
    pki.issueClient(names),
    pki.issueServing({ ...names, serverNames: [node.name, address] }),
  ]);
  await writeKubeconfig(join(outer, "kubelet.kubeconfig"), {
    server,
    certificateAuthority: pki.certificateAuthority,
    clusterName: "test",
    userName: names.commonName,
    credentials: { type: "certificate", pair: client },
  });
  const inner = (name: string): string => join(FOLDER, name);
  await Promise.all([
    writeFile(join(outer, "serving.crt"), serving.certificate),
    writeFile(join(outer, "serving.key"), serving.key, { mode: 0o600 }),
    writeFile(join(outer, "ca.crt"), pki.certificateAuthority),
  ]);
  const config: KubeletConfig = {
    kubeconfig: inner("kubelet.kubeconfig"),
    criSocket: "/run/containerd/containerd.sock",
    nodeName: node.name,
    nodeIps: [address],
    stateRoot: "/var/lib/kubelet",
    logRoot: "/var/log/pods",
    cgroupParent: node.podCgroupParent,
    clusterDns: [],
    clusterDomain: "cluster.local",
    maxPods: 110,
    parallelStarts: 4,
    version: "v1.32.0",
    server: {
      host: address,
      port: 10250,
      certificate: inner("serving.crt"),
      key: inner("serving.key"),
      clientCa: inner("ca.crt"),
    },
    ...more,
  };
  await writeFile(join(outer, CONFIG), JSON.stringify(config));
}
