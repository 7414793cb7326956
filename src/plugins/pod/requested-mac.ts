/**
 * The hardware address that a runtime asks for. Later sources win, as in the reference plugins:
 * CNI_ARGS MAC, args.cni.mac, runtimeConfig.mac.
 */
import { type MacAddress, parseMacAddress } from "#base/mac-address.ts";
import { macAddress } from "#cni/address-readers.ts";
import { parseArgs } from "#cni/args.ts";
import { fields, optional, readFields } from "#cni/config.ts";
import type { PluginRequest } from "#cni/plugin.ts";

const macFields = fields({
  args: fields({ cni: fields({ mac: optional(macAddress) }) }),
  runtimeConfig: fields({ mac: optional(macAddress) }),
});

export function requestedMac({ config, args }: Pick<PluginRequest, "config" | "args">): MacAddress | undefined {
  const read = readFields(macFields, config.json);
  return read.runtimeConfig.mac ?? read.args.cni.mac ?? parseArgs(args, { MAC: parseMacAddress }).MAC;
}
