/** Configuration of the bridge plugin: keys, defaults and what cannot go together, as in the reference plugin. */
import type { MacAddress } from "#base/mac-address.ts";
import { CniError } from "#cni/cni-error.ts";
import {
  choice,
  fields,
  flag,
  integer,
  jsonObject,
  list,
  optional,
  parsed,
  readFields,
  text,
  type ValueOf,
} from "#cni/config.ts";
import { MAX_INTERFACE_NAME_BYTES } from "#cni/names.ts";
import type { PluginRequest } from "#cni/plugin.ts";
import { requestedMac } from "../pod/requested-mac.ts";

/** IEEE 802.1Q: 12 bits, 4095 is reserved. */
const vlanId = integer({ min: 0, max: 4094 });
const trunkVlanId = integer({ min: 1, max: 4094 });
/** dev->max_mtu of a veth is 65535; the smallest that carries IPv4 is 68 (RFC 791). */
const mtu = integer({ min: 0, max: 65535 });

/** dev_valid_name() in net/core/dev.c, Linux 6.1. */
function parseLinkName(name: string): string {
  const isValid = Buffer.byteLength(name) <= MAX_INTERFACE_NAME_BYTES && /^(?!\.{1,2}$)[^/:\s]+$/.test(name);
  if (!isValid) throw new Error("it cannot be the name of a link");
  return name;
}

const bridgeFields = fields({
  bridge: optional(parsed(parseLinkName), "cni0"),
  isGateway: optional(flag, false),
  isDefaultGateway: optional(flag, false),
  forceAddress: optional(flag, false),
  ipMasq: optional(flag, false),
  /** Accepted as in the reference; rules go to Podwire's own nft table either way. */
  ipMasqBackend: optional(choice(["iptables", "nftables"])),
  mtu: optional(mtu, 0),
  hairpinMode: optional(flag, false),
  promiscMode: optional(flag, false),
  vlan: optional(vlanId, 0),
  vlanTrunk: optional(
    list(fields({ minID: optional(trunkVlanId), maxID: optional(trunkVlanId), id: optional(trunkVlanId) })),
    [],
  ),
  preserveDefaultVlan: optional(flag, false),
  macspoofchk: optional(flag, false),
  enabledad: optional(flag, false),
  disableContainerInterface: optional(flag, false),
  portIsolation: optional(flag, false),
  ipam: optional(fields({ type: optional(text, "") }), { type: "" }),
  dns: optional(jsonObject),
});

export interface VlanRange {
  readonly first: number;
  readonly last: number;
}

export interface BridgeConfig extends Omit<ValueOf<typeof bridgeFields>, "vlanTrunk" | "mtu"> {
  /** VLANs of `vlanTrunk`, in the order given. */
  readonly trunk: readonly VlanRange[];
  /** Bytes; undefined leaves the kernel's default. */
  readonly mtu: number | undefined;
  readonly mac: MacAddress | undefined;
}

export function readBridgeConfig({ config, args }: Pick<PluginRequest, "config" | "args">): BridgeConfig {
  const { vlanTrunk, ...read } = readFields(bridgeFields, config.json);
  const trunk = vlanTrunk.flatMap(readTrunk);
  if (read.hairpinMode && read.promiscMode) {
    throw new CniError("invalidConfig", "cannot set hairpin mode and promiscuous mode at the same time");
  }
  if (read.mtu !== 0 && read.mtu < 68) {
    throw new CniError("invalidConfig", `Cannot use mtu ${read.mtu}: it is below 68`, `mtu=${read.mtu}`);
  }
  if (read.disableContainerInterface && read.ipam.type !== "") {
    throw new CniError("invalidConfig", "cannot use IPAM when DisableContainerInterface flag is set");
  }
  return {
    ...read,
    isGateway: read.isGateway || read.isDefaultGateway,
    mtu: read.mtu === 0 ? undefined : read.mtu,
    trunk,
    mac: requestedMac({ config, args }),
  };
}

type Trunk = ValueOf<typeof bridgeFields>["vlanTrunk"][number];

/** `{minID, maxID}` is a range, `{id}` a single VLAN; both may stand in one entry. */
function readTrunk({ minID, maxID, id }: Trunk): readonly VlanRange[] {
  if (minID === undefined && maxID !== undefined)
    throw new CniError("invalidConfig", "minID is required when maxID is set");
  if (maxID === undefined && minID !== undefined)
    throw new CniError("invalidConfig", "maxID is required when minID is set");
  const ranges: VlanRange[] = [];
  if (minID !== undefined && maxID !== undefined) {
    if (maxID < minID) {
      throw new CniError("invalidConfig", `minID is greater than maxID in trunk parameter: ${minID} > ${maxID}`);
    }
    ranges.push({ first: minID, last: maxID });
  }
  if (id !== undefined) ranges.push({ first: id, last: id });
  return ranges;
}
