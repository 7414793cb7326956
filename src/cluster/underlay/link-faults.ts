/**
 * What can go wrong between nodes, made by the underlay's bridge: partitions, where it drops what two ports send each
 * other, and loss, where it drops a share of what a port sends and gets. Ports see no sign of it but silence.
 * The table is made with the first fault: until then packets pay nothing.
 * Equal to `nft add rule bridge podwire forward iifname . oifname @partitions drop`.
 */
import { encode } from "#base/codec/codec.ts";
import { u32be } from "#base/codec/values.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { concat } from "#kernel/nfnetlink/data-type.ts";
import { NFT_REG_1 } from "#kernel/nfnetlink/nf-tables.ts";
import { findElement, findTable } from "#kernel/nfnetlink/nft-query.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import { iifname, oifname } from "#kernel/nfnetlink/selectors.ts";
import { counter, inSet, rule, type Statement, verdict, vmap } from "#kernel/nfnetlink/statements.ts";
import type { TableName } from "#kernel/nfnetlink/table.ts";
import { createNftSocket, type NftSocket } from "#kernel/nfnetlink/transaction.ts";

/** By the names of ports; a fault stays while a port is gone. */
export interface LinkFaults extends Disposable {
  partition(portA: string, portB: string): void;
  heal(portA: string, portB: string): void;
  /** Of packets to and from other ports, in each direction; 0 ends it. */
  setLoss(port: string, percent: number): void;
}

const TABLE = { family: "bridge", table: "podwire" } as const satisfies TableName;
const PARTITIONS = { ...TABLE, set: "partitions" } as const;
const LOSSES = { ...TABLE, set: "losses" } as const;
const FORWARD = { ...TABLE, chain: "forward" } as const;
/** Losses are counted in hundredths of a percent. */
const LOSS_MODULUS = 10_000;
/** NF_BR_PRI_FILTER_BRIDGED, include/uapi/linux/netfilter_bridge.h */
const PRIORITY = -200;
const IFNAMSIZ = 16;

export function createLinkFaults(netns: Netns): LinkFaults {
  let socket: NftSocket | undefined;
  const nft = (): NftSocket => {
    socket ??= createNftSocket(netns);
    return socket;
  };
  return {
    partition(portA, portB) {
      ensureTable(nft());
      nft().commit([elements("add elements", portA, portB)], `partition "${portA}" from "${portB}"`);
    },
    heal(portA, portB) {
      if (findTable(nft(), TABLE) === undefined) return;
      if (findElement(nft(), PARTITIONS, pairKey(portA, portB)) === undefined) return;
      nft().commit([elements("delete elements", portA, portB)], `heal the partition of "${portA}" and "${portB}"`);
    },
    setLoss(port, percent) {
      if (!(percent >= 0 && percent <= 100)) throw new RangeError(`Cannot lose ${percent} % of the packets: 0 to 100`);
      ensureTable(nft());
      const isThere = findElement(nft(), LOSSES, paddedName(port)) !== undefined;
      const operations = percent > 0 ? lossOperations(port, percent) : isThere ? noLossOperations(port) : [];
      nft().commit(operations, `lose ${percent} % of the packets of "${port}"`);
    },
    [Symbol.dispose]: () => socket?.[Symbol.dispose](),
  };
}

function ensureTable(nft: NftSocket): void {
  if (findTable(nft, TABLE) !== undefined) return;
  try {
    nft.commit(tableOperations(), "make the table of link faults");
  } catch (cause) {
    if (!isErrno(cause, "EOPNOTSUPP", "EAFNOSUPPORT", "EPROTONOSUPPORT", "ENOENT")) throw cause;
    throw new Error(
      "Cannot partition nodes or lose their packets: this kernel has no nf_tables for bridges " +
        "(CONFIG_NF_TABLES_BRIDGE). Where it is a module: modprobe nf_tables_bridge",
      { cause },
    );
  }
}

function tableOperations(): readonly NftOperation[] {
  const base = { type: "filter", hook: "forward", priority: PRIORITY } as const;
  const rules = [
    rule(inSet([iifname, oifname], PARTITIONS.set), counter(), verdict("drop")),
    vmap([iifname], LOSSES.set),
    vmap([oifname], LOSSES.set),
  ];
  return [
    { do: "create table", table: TABLE },
    { do: "add set", set: { ...PARTITIONS, key: ["ifname", "ifname"] } },
    { do: "add set", set: { ...LOSSES, key: ["ifname"], data: ["verdict"] } },
    { do: "add chain", chain: { ...FORWARD, base } },
    ...rules.map((expressions) => ({ do: "add rule", rule: { ...FORWARD, expressions } }) as const),
  ];
}

/** `numgen random mod 10000 < 500 drop` in a chain of its own. */
function lossOperations(port: string, percent: number): readonly NftOperation[] {
  const chain = lossChain(port);
  const register = NFT_REG_1;
  const threshold = encode(u32be, Math.round((percent / 100) * LOSS_MODULUS));
  const chance: Statement = [
    { kind: "numgen", dreg: register, modulus: LOSS_MODULUS, type: "random", offset: 0 },
    // Numbers are compared byte by byte, so the highest must come first.
    { kind: "byteorder", sreg: register, dreg: register, op: "hton", len: 4, size: 4 },
    { kind: "cmp", sreg: register, op: "<", data: threshold },
  ];
  const jump = { verdict: "jump", chain: chain.chain } as const;
  return [
    { do: "add chain", chain },
    { do: "flush chain", chain },
    { do: "add rule", rule: { ...chain, expressions: rule(chance, counter(), verdict("drop")) } },
    { do: "add elements", set: LOSSES, elements: [{ key: paddedName(port), data: jump }] },
  ];
}

function noLossOperations(port: string): readonly NftOperation[] {
  const chain = lossChain(port);
  return [
    { do: "delete elements", set: LOSSES, elements: [{ key: paddedName(port) }] },
    { do: "flush chain", chain },
    { do: "delete chain", chain },
  ];
}

function lossChain(port: string) {
  return { ...TABLE, chain: `loss-${port}` };
}

/** Both directions, in one transaction. */
function elements(verb: "add elements" | "delete elements", portA: string, portB: string): NftOperation {
  const keys = [pairKey(portA, portB), pairKey(portB, portA)];
  return { do: verb, set: PARTITIONS, elements: keys.map((key) => ({ key })) };
}

function pairKey(from: string, to: string): Uint8Array {
  return concat(paddedName(from), paddedName(to));
}

function paddedName(name: string): Uint8Array {
  const bytes = new Uint8Array(IFNAMSIZ);
  bytes.set(Buffer.from(name));
  return bytes;
}
