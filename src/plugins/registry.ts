/** Every plugin, by the name it is installed under. */
import type { Plugin } from "#cni/plugin.ts";
import { bridge } from "./bridge/bridge.ts";
import { flannel } from "./flannel.ts";
import type { Host } from "./host.ts";
import { hostLocal } from "./host-local/host-local.ts";
import { withKernelRefusals } from "./kernel-refusal.ts";
import { loopback } from "./loopback.ts";
import { portmap } from "./portmap/portmap.ts";
import { ptp } from "./ptp.ts";
import { staticIpam } from "./static.ts";

const plugins: readonly Plugin<Host>[] = [bridge, flannel, hostLocal, loopback, portmap, ptp, staticIpam];
const byType = new Map(plugins.map((plugin) => [plugin.type, withKernelRefusals(plugin)]));

export const pluginTypes: readonly string[] = [...byType.keys()];

export function findPlugin(type: string): Plugin<Host> | undefined {
  return byType.get(type);
}
