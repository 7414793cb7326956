/** The folder of a pod on the node: volumes, /etc/hosts, last words. Layout as /var/lib/kubelet/pods has it. */
import { randomUUID } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { NodeFacts } from "../container/field-value.ts";
import { hostsFile } from "../container/hosts-file.ts";
import { podLogDirectory } from "../container/sandbox-config.ts";
import { rotatedLogs } from "../logs/log-files.ts";
import type { ConfigReader, PodConfig } from "../volumes/create-config-reader.ts";
import { ensureVolumes, removePodDirectory } from "../volumes/pod-volumes.ts";
import type { PodSettings } from "./pod-settings.ts";

export interface PodVolumes {
  readonly paths: ReadonlyMap<string, string>;
  readonly config: PodConfig;
}

export interface PodFiles {
  ensureVolumes(pod: Pod, signal: AbortSignal): Promise<PodVolumes>;
  /** Gives its path; undefined in the node's network namespace. */
  ensureHosts(pod: Pod, podIps: readonly string[]): Promise<string | undefined>;
  /** An empty file for the container's last words. */
  createMessageFile(uid: string, container: string): Promise<string>;
  removeVolumes(uid: string): Promise<void>;
  /** Of one run of a container, with what was rotated. */
  removeLog(logPath: string): Promise<void>;
  /** When tokens among its files must be renewed; milliseconds since 1970. */
  renewAtMs(uid: string): number | undefined;
  removeLogs(pod: { readonly namespace: string; readonly name: string; readonly uid: string }): Promise<void>;
  facts(podIps: readonly string[]): NodeFacts;
}

export function createPodFiles(settings: PodSettings, config: ConfigReader): PodFiles {
  const directoryOf = (uid: string): string => join(settings.stateRoot, "pods", uid);
  const facts = (podIps: readonly string[]): NodeFacts => ({
    nodeName: settings.nodeName,
    hostIps: settings.hostIps,
    podIps,
    allocatable: settings.allocatable,
  });
  return {
    facts,
    async ensureVolumes(pod, signal) {
      const found = await config.read(pod, signal);
      const paths = await ensureVolumes(directoryOf(pod.metadata.uid ?? ""), { pod, facts: facts([]), ...found });
      return { paths, config: found };
    },
    async ensureHosts(pod, podIps) {
      if (pod.spec.hostNetwork === true) return undefined;
      const path = join(directoryOf(pod.metadata.uid ?? ""), "etc-hosts");
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, hostsFile(pod, podIps, settings.dns.clusterDomain));
      return path;
    },
    async createMessageFile(uid, container) {
      const path = join(directoryOf(uid), "containers", container, randomUUID().slice(0, 8));
      await mkdir(dirname(path), { recursive: true });
      // Whoever the container runs as writes it.
      await writeFile(path, "", { mode: 0o666 });
      return path;
    },
    async removeVolumes(uid) {
      await removePodDirectory(directoryOf(uid));
      config.forget(uid);
    },
    async removeLog(logPath) {
      if (!logPath.startsWith(`${settings.logRoot}/`)) return;
      for (const path of [logPath, ...(await rotatedLogs(logPath))]) await rm(path, { force: true });
    },
    renewAtMs: (uid) => config.renewAtMs(uid),
    async removeLogs(pod) {
      await rm(podLogDirectory(settings.logRoot, pod), { recursive: true, force: true });
    },
  };
}
