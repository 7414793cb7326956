/**
 * A machine's worth of CNI for tests of the command line: network and mount namespaces, /var/lib/cni, state folders,
 * and a pod's namespace, all of which end with it.
 */
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { namedTestNetns, testNetns } from "#kernel/testing/with-netns.ts";
import { projectRoot } from "../installation.ts";

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface PrivateHost extends Disposable {
  readonly folder: string;
  /** Path of the pod's network namespace. */
  readonly pod: string;
  /** Environment of all programs: folders of configurations, plugins and state below `folder`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Writes a network list into NETCONFPATH. */
  writeNetwork(name: string, content: unknown): void;
  /** Writes an executable into CNI_PATH. */
  writePlugin(name: string, script: string): void;
  /** Arguments that run `argv` on this host, for any way of spawning. */
  argv(...argv: readonly string[]): readonly [string, ...string[]];
  /** Runs a program on this host to its end. */
  run(argv: readonly string[], options?: RunOptions): Promise<Finished>;
  /** Runs `podwire …` from the source tree to its end. */
  podwire(args: readonly string[], environment?: RunOptions["environment"]): Promise<Finished>;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
}

const TIMEOUT_MS = 60_000;

export function privateHost(): PrivateHost {
  using stack = new DisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "podwire-cli-"));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const pod = stack.use(namedTestNetns());
  const host = stack.use(testNetns({ loopbackUp: true }));
  const folders = {
    NETCONFPATH: "net.d",
    CNI_PATH: "bin",
    PODWIRE_RUN_DIR: "run",
    PODWIRE_STATE_DIR: "state",
    CACHE: "cache",
  };
  const environment = Object.fromEntries(Object.entries(folders).map(([key, name]) => [key, join(folder, name)]));
  for (const path of Object.values(environment)) mkdirSync(path);

  // The cache of results has one place only; here, another folder is mounted there.
  const script = 'mkdir -p /var/lib/cni; mount --bind "$CACHE" /var/lib/cni; exec "$@"';
  const enter = [`--net=/proc/${process.pid}/fd/${host.fd}`, "unshare", "--mount", "sh", "-ec", script, "sh"];
  const argv: PrivateHost["argv"] = (...words) => ["nsenter", ...enter, ...words];
  const run: PrivateHost["run"] = (words, { environment: more, input = "" } = {}) => {
    const [program, ...args] = argv(...words);
    const { promise, resolve, reject } = Promise.withResolvers<Finished>();
    const env = { ...process.env, ...environment, ...more };
    const child = execFile(program, args, { env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      if (typeof error?.code === "string") reject(error);
      else resolve({ code: error === null ? 0 : (error.code ?? -1), stdout, stderr });
    });
    child.stdin?.on("error", () => undefined); // a program may end without reading its input
    child.stdin?.end(input);
    return promise;
  };
  const open = stack.move();
  return {
    folder,
    pod: pod.path,
    environment,
    writeNetwork: (name, content) => writeFileSync(join(folder, "net.d", `${name}.conflist`), JSON.stringify(content)),
    writePlugin(name, text) {
      const path = join(folder, "bin", name);
      writeFileSync(path, `#!/bin/sh\n${text}\n`);
      chmodSync(path, 0o755);
    },
    argv,
    run,
    podwire: (args, more) =>
      run([process.execPath, join(projectRoot, "src/cli/entry.ts"), ...args], { environment: more ?? {} }),
    [Symbol.dispose]: () => open.dispose(),
  };
}
