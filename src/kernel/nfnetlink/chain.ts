/**
 * nf_tables chains: plain ones, and base chains that hang at a hook of the network stack.
 * Equal to `nft add chain inet podwire post { type nat hook postrouting priority 100; policy accept; }`.
 * Source: include/uapi/linux/netfilter/nf_tables.h (nft_chain_attributes, nft_hook_attributes), Linux 6.1.
 */
import { type Codec, encode, type ValueOf } from "#base/codec/codec.ts";
import { cString, i32be, mapped, u32be } from "#base/codec/values.ts";
import { attribute, attributeList, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import { NF_ACCEPT, NF_DROP } from "./nf-tables.ts";
import { header, type NftFamily, nfgenmsg, requireFamily, requiring, u64number } from "./nfnetlink.ts";
import type { TableName } from "./table.ts";
import { commentItems, findComment, lenientUserdata } from "./userdata.ts";
import { type Word, word } from "./words.ts";

const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_HANDLE = 2;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_POLICY = 5;
const NFTA_CHAIN_USE = 6;
const NFTA_CHAIN_TYPE = 7;
const NFTA_CHAIN_USERDATA = 12;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_PRIORITY = 2;
const NFTA_HOOK_DEV = 3;
const NFTA_HOOK_DEVS = 4;
const NFTA_DEVICE_NAME = 1;

/** NF_INET_PRE_ROUTING, …; the bridge family uses the same numbers (NF_BR_…). */
const HOOKS = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4, ingress: 5 } as const;
/** NF_NETDEV_INGRESS, NF_NETDEV_EGRESS */
const NETDEV_HOOKS = { ingress: 0, egress: 1 } as const;
export type NftHook = keyof typeof HOOKS | keyof typeof NETDEV_HOOKS;
const POLICIES = { drop: NF_DROP, accept: NF_ACCEPT } as const;

/**
 * Priorities by the names of `nft` for the families ip, ip6 and inet: lower numbers run first.
 * Source: include/uapi/linux/netfilter_ipv4.h (enum nf_ip_hook_priorities).
 */
export const PRIORITY = { raw: -300, mangle: -150, dstnat: -100, filter: 0, security: 50, srcnat: 100 } as const;

export interface BaseChain {
  readonly type: "filter" | "nat" | "route";
  readonly hook: NftHook;
  readonly priority: number;
  /** Default: accept. */
  readonly policy?: Word<typeof POLICIES> | undefined;
  /** Devices of the ingress and egress hooks. */
  readonly devices?: readonly string[] | undefined;
}

export interface ChainName extends TableName {
  readonly chain: string;
}

export interface NftChain extends ChainName {
  /** Absent in chains that are only jumped to. */
  readonly base?: BaseChain | undefined;
  /** Since Linux 5.10. */
  readonly comment?: string | undefined;
  /** Given by the kernel. */
  readonly handle?: number | undefined;
  /** Given by the kernel: its rules, and the rules and elements that jump to it. */
  readonly use?: number | undefined;
}

const wire = headerAndAttributes(
  nfgenmsg,
  attributes({
    table: attribute(NFTA_CHAIN_TABLE, cString),
    handle: attribute(NFTA_CHAIN_HANDLE, u64number),
    chain: attribute(NFTA_CHAIN_NAME, cString),
    type: attribute(NFTA_CHAIN_TYPE, cString),
    policy: attribute(NFTA_CHAIN_POLICY, word(u32be, POLICIES)),
    hook: attribute(
      NFTA_CHAIN_HOOK,
      requiring(
        "hook",
        attributes({
          number: attribute(NFTA_HOOK_HOOKNUM, u32be),
          priority: attribute(NFTA_HOOK_PRIORITY, i32be),
          device: attribute(NFTA_HOOK_DEV, cString),
          devices: attribute(NFTA_HOOK_DEVS, attributeList(NFTA_DEVICE_NAME, cString)),
        }),
        "number",
        "priority",
      ),
    ),
    use: attribute(NFTA_CHAIN_USE, u32be),
    userdata: attribute(NFTA_CHAIN_USERDATA, lenientUserdata),
  }),
);
type WireChain = ValueOf<typeof wire>;

export const nftChain: Codec<NftChain> = mapped<WireChain, NftChain>(
  wire,
  (value) => {
    const family = requireFamily(value.family);
    if (value.table === undefined || value.chain === undefined) throw new Error("chain without a name");
    return {
      family,
      table: value.table,
      chain: value.chain,
      base: readBase(family, value),
      comment: findComment(value.userdata),
      handle: value.handle,
      use: value.use,
    };
  },
  ({ family, table, chain, base, comment }) => ({
    ...header(family),
    table,
    chain,
    ...(base && writeBase(family, base)),
    userdata: commentItems(comment),
  }),
);

export function encodeChainName({ family, table, chain }: ChainName): Buffer {
  return encode(wire, { ...header(family), table, chain });
}

function readBase(family: NftFamily, { hook, type, policy }: WireChain): BaseChain | undefined {
  if (hook === undefined || type === undefined) return undefined;
  if (type !== "filter" && type !== "nat" && type !== "route") throw new Error(`chain type "${type}" is unknown`);
  const devices = hook.devices ?? (hook.device === undefined ? undefined : [hook.device]);
  return { type, hook: hookName(family, hook.number), priority: hook.priority, policy, devices };
}

function writeBase(family: NftFamily, { type, hook, priority, policy, devices }: BaseChain): Partial<WireChain> {
  const names: Readonly<Record<string, number>> = family === "netdev" ? NETDEV_HOOKS : HOOKS;
  const number = names[hook];
  if (number === undefined) throw new RangeError(`Cannot encode hook "${hook}": family ${family} has none`);
  return { type, hook: { number, priority, devices }, policy };
}

function hookName(family: NftFamily, number: number): NftHook {
  for (const [name, candidate] of family === "netdev" ? NETDEV_ENTRIES : HOOK_ENTRIES) {
    if (candidate === number) return name;
  }
  throw new Error(`hook ${number} is unknown`);
}
const HOOK_ENTRIES: readonly (readonly [NftHook, number])[] = [
  ["prerouting", HOOKS.prerouting],
  ["input", HOOKS.input],
  ["forward", HOOKS.forward],
  ["output", HOOKS.output],
  ["postrouting", HOOKS.postrouting],
  ["ingress", HOOKS.ingress],
];
const NETDEV_ENTRIES: readonly (readonly [NftHook, number])[] = [
  ["ingress", NETDEV_HOOKS.ingress],
  ["egress", NETDEV_HOOKS.egress],
];
