/** A cluster of one node: containerd, a control plane and a kubelet, all in the node's namespaces. */
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { signalEntered } from "#cluster/enter-node.ts";
import { NODE_PATH, type NodeOptions, type NodeSandbox, startNode } from "#cluster/node-sandbox.ts";
import { OUTSIDE, startOutside } from "#cluster/outside.ts";
import type { ProgramResult } from "#cluster/program.ts";
import { writeKubeconfig } from "#control-plane/pki/kubeconfig.ts";
import { openPki } from "#control-plane/pki/open-pki.ts";
import type { KubeletConfig } from "#kubelet/run-kubelet.ts";
import { findKubectls } from "#test/kubectl/find-kubectls.ts";

export interface KubeletCluster extends AsyncDisposable {
  readonly node: NodeSandbox;
  /** Rejects when it fails. */
  kubectl(args: readonly string[], signal: AbortSignal): Promise<string>;
  tryKubectl(args: readonly string[], signal: AbortSignal): Promise<ProgramResult>;
  startKubelet(): Promise<NodeProcess>;
  /** Of all processes. */
  log(): string;
}

export interface NodeProcess {
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

const SOURCE = join(import.meta.dirname, "../../src");
const START_MS = 60_000;

export async function startKubeletCluster(
  options: NodeOptions,
  folder: string,
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
  const dataDirectory = join(folder, "data");
  const kubeconfig = join(folder, "admin.kubeconfig");
  await mkdir(folder, { recursive: true });
  const server = `${address}:6443`;
  await run(
    [
      join(SOURCE, "cli/entry.ts"),
      "control-plane",
      ...["--listen", server, "--data-dir", dataDirectory, "--kubeconfig", kubeconfig],
    ],
    / is ready\./,
  );
  const pki = await openPki({ directory: join(dataDirectory, "pki"), serverNames: [], now: () => new Date() });
  const configPath = join(folder, "kubelet.json");
  await writeKubelet(configPath, { pki, folder, server: `https://${server}`, address, node });
  const [kubectl] = findKubectls().supported.toReversed();
  const tryKubectl: KubeletCluster["tryKubectl"] = (args, current) =>
    node.exec([kubectl?.path ?? "kubectl", "--kubeconfig", kubeconfig, ...args], current);
  const startKubelet = (): Promise<NodeProcess> => run([join(SOURCE, "kubelet/main.ts"), configPath], /kubelet ready/);
  const owned = cleanup.move();
  return {
    node,
    tryKubectl,
    async kubectl(args, current) {
      const { code, stdout, stderr } = await tryKubectl(args, current);
      if (code !== 0) throw new Error(`Cannot run "kubectl ${args.join(" ")}": ${code}: ${stderr}${stdout}`);
      return stdout;
    },
    startKubelet,
    log: () => log,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface KubeletFiles {
  readonly pki: Awaited<ReturnType<typeof openPki>>;
  readonly folder: string;
  readonly server: string;
  readonly address: string;
  readonly node: NodeSandbox;
}

async function writeKubelet(path: string, { pki, folder, server, address, node }: KubeletFiles): Promise<void> {
  const names = { commonName: `system:node:${node.name}`, organizations: ["system:nodes"] };
  const [client, serving] = await Promise.all([
    pki.issueClient(names),
    pki.issueServing({ ...names, serverNames: [node.name, address] }),
  ]);
  const kubeconfig = join(folder, "kubelet.kubeconfig");
  await writeKubeconfig(kubeconfig, {
    server,
    certificateAuthority: pki.certificateAuthority,
    clusterName: "test",
    userName: names.commonName,
    credentials: { type: "certificate", pair: client },
  });
  const [certificate, key, clientCa] = ["serving.crt", "serving.key", "ca.crt"].map((name) => join(folder, name));
  await Promise.all([
    writeFile(certificate ?? "", serving.certificate),
    writeFile(key ?? "", serving.key, { mode: 0o600 }),
    writeFile(clientCa ?? "", pki.certificateAuthority),
  ]);
  const config: KubeletConfig = {
    kubeconfig,
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
    server: { host: address, port: 10250, certificate: certificate ?? "", key: key ?? "", clientCa: clientCa ?? "" },
  };
  await writeFile(path, JSON.stringify(config));
}
