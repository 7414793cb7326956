/** A setting of a link, as it is or as it will be when the link is made: what `default` says then. */
import type { Netns } from "#kernel/netns/netns.ts";
import { readSysctl, SysctlError } from "#kernel/sysctl.ts";

/**
 * `keyOf` answers the key for a link's name. Undefined when the kernel lacks the setting, IPv6 for example. A link whose
 * MTU is too small for IPv6 has none of its settings until the MTU is mended.
 */
export function readLinkSysctl(netns: Netns, link: string, keyOf: (link: string) => string): string | undefined {
  for (const name of [link, "default"]) {
    try {
      return readSysctl(netns, keyOf(name));
    } catch (error) {
      if (!(error instanceof SysctlError && error.code === "ENOENT")) throw error;
    }
  }
  return undefined;
}
