/** A kubelet as a program: from a file with its configuration until it is told to stop. */
import { readFile } from "node:fs/promises";
import { createHttpClient } from "#api-client/http-client.ts";
import { loadKubeconfig } from "#api-client/kubeconfig.ts";
import type { Log } from "#base/log.ts";
import type { KubeletOptions } from "./kubelet-options.ts";
import { startKubelet } from "./start-kubelet.ts";

/** Written by whoever starts nodes, as JSON. */
export interface KubeletConfig extends Omit<KubeletOptions, "client" | "log" | "server"> {
  /** Path; its user is system:node:NAME in the group system:nodes. */
  readonly kubeconfig: string;
  readonly server: {
    readonly host: string;
    readonly port: number;
    /** Paths of PEM files. */
    readonly certificate: string;
    readonly key: string;
    readonly clientCa: string;
    /** Common names of clients that may ask; by default API servers. */
    readonly clientNames?: readonly string[];
  };
}

export async function runKubelet(configPath: string, log: Log, signal: AbortSignal): Promise<void> {
  const config = await readConfig(configPath);
  const { kubeconfig, server, ...rest } = config;
  const [certificate, key, clientCa] = await Promise.all(
    [server.certificate, server.key, server.clientCa].map((path) => readFile(path, "utf8")),
  );
  using client = createHttpClient(loadKubeconfig(kubeconfig), { userAgent: `kubelet/${config.version}` });
  const tls = { certificate: certificate ?? "", key: key ?? "", clientCa: clientCa ?? "" };
  await using kubelet = await startKubelet({
    ...rest,
    client,
    log,
    server: {
      host: server.host,
      port: server.port,
      tls,
      ...(server.clientNames !== undefined && { clientNames: server.clientNames }),
    },
  });
  kubelet.registered.then(
    () => log.info("kubelet ready", { node: config.nodeName, port: kubelet.port }),
    () => undefined, // stopped before
  );
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  log.info("kubelet stops");
}

async function readConfig(path: string): Promise<KubeletConfig> {
  try {
    // Our own programs write it.
    return JSON.parse(await readFile(path, "utf8")) as KubeletConfig;
  } catch (cause) {
    throw new Error(`Cannot read the kubelet's configuration "${path}": it is no JSON file`, { cause });
  }
}
