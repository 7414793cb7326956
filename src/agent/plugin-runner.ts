/**
 * Runs one launcher request to its end: finds the plugin, orders it among the others, and gives back what to print.
 * Agent and one-shot process share it.
 */

import { CniError } from "#cni/cni-error.ts";
import type { Plugin } from "#cni/plugin.ts";
import { type PluginOutput, runPlugin } from "#cni/plugin-main.ts";
import { formatError } from "#cni/print-error.ts";
import { type Netns, netnsInode } from "#kernel/netns/netns.ts";
import type { Host } from "#plugins/host.ts";
import { findPlugin } from "#plugins/registry.ts";
import type { AttachmentListener } from "./attachment-listener.ts";
import { createHostServices } from "./host-services.ts";
import type { Ledger } from "./ledger.ts";
import type { LauncherHandler } from "./local-server.ts";
import { createVerbLock, type VerbLock } from "./verb-lock.ts";
import { withLedger, withoutLedger } from "./with-ledger.ts";

export interface PluginRunner extends Disposable {
  readonly run: LauncherHandler;
  /** The plugin with its verbs recorded in the ledger. */
  findRecorded(type: string): Plugin<undefined> | undefined;
  /** Orders the verbs that `run` gets; others that change attachments have to take part. */
  readonly lock: VerbLock;
  /** Services without a particular attachment, for reconciliation. */
  readonly host: Host;
}

export interface PluginRunnerDeps {
  readonly netns: Netns;
  readonly ledger: Ledger;
  readonly epoch: string;
  readonly attachments?: AttachmentListener | undefined;
}

export function createPluginRunner({ netns, ledger, epoch, attachments }: PluginRunnerDeps): PluginRunner {
  const services = createHostServices(netns, findPlugin);
  const lock = createVerbLock();
  const recorded = new Map<string, Plugin<undefined>>();

  function findRecorded(type: string): Plugin<undefined> | undefined {
    const known = recorded.get(type);
    if (known) return known;
    const plugin = findPlugin(type);
    if (plugin === undefined) return undefined;
    const deps = { ledger, epoch, hostFor: services.hostFor, attachments };
    const wrapped = plugin.isStateless ? withoutLedger(plugin, deps) : withLedger(plugin, deps);
    recorded.set(type, wrapped);
    return wrapped;
  }

  // A file of another file system that happens to have this inode would be refused for the wrong reason, but refused.
  const sameNetns = (path: string): boolean => path !== "" && netnsInode(path) === netns.inode;

  return {
    findRecorded,
    lock,
    host: services.hostFor({ isKnown: false, facts: undefined, note: () => undefined }),
    async run({ plugin: type, environment, stdin }) {
      const plugin = findRecorded(type);
      if (plugin === undefined) return refuse(`Plugin "${type}" is not part of Podwire`);
      const call = (): Promise<PluginOutput> => runPlugin(plugin, { environment, stdin, sameNetns }, () => undefined);
      return environment["CNI_COMMAND"] === "GC"
        ? lock.exclusive(call)
        : lock.shared(environment["CNI_CONTAINERID"] ?? "", call);
    },
    [Symbol.dispose]: () => services[Symbol.dispose](),
  };
}

function refuse(message: string): PluginOutput {
  return { exitCode: 1, stdout: formatError(new CniError("invalidEnvironment", message)), stderr: "" };
}
