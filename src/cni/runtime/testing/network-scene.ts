/** Recorder plugins, a network that uses them, and a runtime with a cache of its own. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { AttachmentRequest } from "../build-request.ts";
import { execPlugin } from "../exec-plugin.ts";
import { type NetworkList, parseNetworkList } from "../load-network.ts";
import type { CniRuntime } from "../run-network.ts";

export interface Call {
  readonly type: string;
  readonly verb: string;
  readonly env: string;
  readonly stdin: Readonly<Record<string, unknown>>;
}

export interface Scene {
  readonly runtime: CniRuntime;
  readonly directory: string;
  readonly cacheFile: string;
  calls(): readonly Call[];
  /** From now on that plugin runs this when it gets the verb. */
  answer(type: string, verb: string, script: string): void;
}

export const REQUEST: AttachmentRequest = {
  containerId: "c1",
  netns: "/run/netns/pod",
  ifname: "eth0",
  args: [
    ["IgnoreUnknown", "1"],
    ["K8S_POD_NAME", "web"],
  ],
  capabilityArgs: { portMappings: [{ hostPort: 80 }], bandwidth: { ingressRate: 1 } },
};

/** A runtime with the plugins `first`, `second` and `third`, which log their calls and answer what they are told to. */
export function scene(context: TestContext): Scene {
  const directory = mkdtempSync(join(tmpdir(), "podwire-runtime-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const bin = join(directory, "bin");
  mkdirSync(bin);
  for (const type of ["first", "second", "third"]) {
    const env = '"$CNI_CONTAINERID|$CNI_NETNS|$CNI_IFNAME|$CNI_ARGS|$CNI_PATH|$INHERITED"';
    const log = `printf '%s\\n' "${type}" "$CNI_COMMAND" ${env} "$(cat)" >>"${directory}/log"`;
    const answer = `answer="${directory}/${type}.$CNI_COMMAND"\n[ -e "$answer" ] && . "$answer"`;
    writeFileSync(join(bin, type), `#!/bin/sh\n${log}\n${answer}\nexit 0\n`);
    chmodSync(join(bin, type), 0o755);
  }
  return {
    directory,
    cacheFile: join(directory, "cache", "results", "net-c1-eth0"),
    runtime: {
      runProcess: execPlugin,
      path: ["/nowhere", bin],
      cacheDirectory: join(directory, "cache"),
      environment: { PATH: "/usr/bin:/bin", INHERITED: "yes", CNI_ARGS: "stale" },
    },
    calls() {
      const log = join(directory, "log");
      if (!existsSync(log)) return [];
      const lines = readFileSync(log, "utf8").split("\n").slice(0, -1);
      const at = (index: number) => lines[index] ?? "";
      return lines.flatMap((type, index) =>
        index % 4 === 0 ? [{ type, verb: at(index + 1), env: at(index + 2), stdin: JSON.parse(at(index + 3)) }] : [],
      );
    },
    answer(type, verb, script) {
      writeFileSync(join(directory, `${type}.${verb}`), script);
    },
  };
}

export function network(cniVersion: string, overrides: object = {}): NetworkList {
  const plugins = [
    { type: "first", capabilities: { portMappings: true }, mtu: 1400 },
    { type: "second", runtimeConfig: { kept: true } },
    { type: "third", capabilities: { bandwidth: false }, name: "own" },
  ];
  return parseNetworkList(JSON.stringify({ cniVersion, name: "net", plugins, ...overrides }));
}

export function resultOf(cniVersion: string, address: string): object {
  const ip = cniVersion.startsWith("1.") ? { address } : { version: "4", address };
  return { cniVersion, ips: [ip], ...(cniVersion.startsWith("1.") ? {} : { dns: {} }) };
}

/** Every plugin answers ADD with a result of its own. */
export function answerAdds({ answer }: Scene, cniVersion: string): void {
  for (const [index, type] of ["first", "second", "third"].entries()) {
    answer(type, "ADD", `echo '${JSON.stringify(resultOf(cniVersion, `10.0.0.${index + 1}/8`))}'`);
  }
}
