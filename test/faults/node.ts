/**
 * A node for tests of crashes: a network namespace with an uplink to another one that has no route back to the pods,
 * so that only translated traffic is answered; plugins as installed; and the folders of all state.
 */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NATIVE_LAUNCHER } from "#agent/testing/call-launcher.ts";
import { parsePrefix } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { createVeth, setLink } from "#kernel/rtnetlink/link.ts";
import { testNetns } from "#kernel/testing/with-netns.ts";
import { pluginTypes } from "#plugins/registry.ts";
import type { FaultBundle } from "./fault-bundle.ts";
import { type Prober, startProber } from "./traffic.ts";

export interface TestNode extends Disposable {
  readonly netns: Netns;
  /** In the world outside. */
  readonly outside: Prober;
  readonly folder: string;
  /** CNI_PATH. */
  readonly binDir: string;
  /** See kill-at-step.ts. */
  readonly control: string;
  /** Of agents, and of launchers beside the CNI_ variables. */
  readonly environment: Readonly<Record<string, string>>;
}

export const NODE_ADDRESS = "192.0.2.1";
export const OUTSIDE_ADDRESS = "192.0.2.2";

export async function createTestNode(bundle: FaultBundle): Promise<TestNode> {
  using stack = new DisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "podwire-faults-"));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const netns = stack.use(testNetns({ loopbackUp: true }));
  const beyond = stack.use(testNetns({ loopbackUp: true }));
  addUplink(netns, beyond);
  const outside = stack.use(await startProber(beyond, "outside"));
  const binDir = join(folder, "bin");
  installPlugins(binDir, bundle);
  const control = join(folder, "kill.json");
  const environment = {
    PATH: process.env["PATH"] ?? "",
    PODWIRE_RUN_DIR: join(folder, "run"),
    PODWIRE_STATE_DIR: join(folder, "state"),
    KILL_CONTROL: control,
  };
  const open = stack.move();
  return { netns, outside, folder, binDir, control, environment, [Symbol.dispose]: () => open.dispose() };
}

function addUplink(netns: Netns, outside: Netns): void {
  using here = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  using there = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: outside });
  const peer = { name: "uplink", netnsFd: outside.fd };
  const { ifindex, peerIfindex } = createVeth(here, { name: "uplink", up: true, peer });
  setLink(there, peerIfindex, { up: true });
  addAddress(here, { ifindex, prefix: parsePrefix(`${NODE_ADDRESS}/24`) });
  addAddress(there, { ifindex: peerIfindex, prefix: parsePrefix(`${OUTSIDE_ADDRESS}/24`) });
}

function installPlugins(binDir: string, { privateFolder }: FaultBundle): void {
  mkdirSync(binDir);
  symlinkSync(privateFolder, join(binDir, ".podwire"));
  for (const type of pluginTypes) {
    copyFileSync(NATIVE_LAUNCHER, join(binDir, type));
    chmodSync(join(binDir, type), 0o755);
  }
}
