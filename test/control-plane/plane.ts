/** What a test of a control plane in a process of its own needs: its folder, its certificates, callers, starts. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cluster } from "#api-client/kubeconfig.ts";
import { openPki, type Pki } from "#control-plane/pki/open-pki.ts";
import { type ApiCaller, createApiCaller } from "./api-caller.ts";
import type { ProcessOptions } from "./control-plane-process.ts";
import { buildProcessBundle } from "./process-bundle.ts";
import { type PlaneProcess, startPlaneProcess } from "./start-process.ts";

export interface PlaneFolder extends AsyncDisposable {
  readonly path: string;
  readonly pki: Pki;
  /** Data of all starts are the same, unless `name` says otherwise; certificates always are. */
  start(options: Omit<ProcessOptions, "directory">): Promise<PlaneProcess>;
  /** As the administrator. */
  callerOf(port: number, connections?: number): ApiCaller;
  clusterOf(port: number): Cluster;
}

export async function createPlaneFolder(): Promise<PlaneFolder> {
  const path = await mkdtemp(join(tmpdir(), "podwire-plane-"));
  const script = await buildProcessBundle(path);
  const directory = join(path, "data");
  const serverNames = ["127.0.0.1"];
  const pki = await openPki({ directory: join(directory, "pki"), serverNames, now: () => new Date() });
  const { certificateAuthority, admin } = pki;
  return {
    path,
    pki,
    start: (options) => startPlaneProcess(script, { directory, ...options }),
    callerOf: (port, connections = 32) =>
      createApiCaller({ port, authority: certificateAuthority, pair: admin, connections }),
    clusterOf: (port) => ({
      server: `https://127.0.0.1:${port}`,
      ca: certificateAuthority,
      certificate: admin.certificate,
      key: admin.key,
      tlsServerName: undefined,
      token: undefined,
    }),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}
