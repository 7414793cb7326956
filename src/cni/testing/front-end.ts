/** A plugin that remembers what it was asked, and a call of the front end with everything that has to be there. */
import type { Plugin } from "../plugin.ts";
import { type PluginInput, runPlugin } from "../plugin-main.ts";
import type { CniResult } from "../result.ts";
import { SPEC_VERSIONS } from "../spec-version.ts";

export interface Recorder {
  readonly calls: { readonly verb: string; readonly request: unknown }[];
  readonly plugin: Plugin<string>;
}

export const RESULT: CniResult = { interfaces: [{ name: "eth0" }], ips: [{ address: "10.1.0.5/16", interface: 0 }] };

/** A plugin of all versions that writes down what it is asked. */
export function recorder(overrides: Partial<Plugin<string>> = {}): Recorder {
  const calls: { verb: string; request: unknown }[] = [];
  const record = (verb: string) => async (request: unknown) => {
    calls.push({ verb, request });
  };
  return {
    calls,
    plugin: {
      type: "bridge",
      versions: SPEC_VERSIONS,
      add: async (request) => {
        calls.push({ verb: "ADD", request });
        return request.config.prevResult ?? RESULT;
      },
      del: record("DEL"),
      check: record("CHECK"),
      gc: record("GC"),
      status: record("STATUS"),
      ...overrides,
    },
  };
}

export const ENVIRONMENT = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/run/netns/pod",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "IgnoreUnknown=1",
  CNI_PATH: "/opt/cni/bin",
  HOME: "/root",
};

export const CONFIG = { cniVersion: "1.1.0", name: "n", type: "bridge" };

export interface Row {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string | object;
  readonly plugin?: Partial<Plugin<string>>;
  readonly sameNetns?: boolean;
}

export function run({ env = {}, stdin = CONFIG, plugin, sameNetns = false }: Row, recorded = recorder(plugin)) {
  const input: PluginInput = {
    environment: { ...ENVIRONMENT, ...env },
    stdin: typeof stdin === "string" ? stdin : JSON.stringify(stdin),
    sameNetns: () => sameNetns,
  };
  return runPlugin(recorded.plugin, input, () => "host");
}
