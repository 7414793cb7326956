/**
 * Reads an nf_tables ruleset. Equal to `nft list …`.
 * Lists are consistent: a listing that the ruleset changed under is read again.
 * Source: net/netfilter/nf_tables_api.c, Linux 6.1.
 */
import { constants } from "node:os";
import { type Codec, decode, encode } from "#base/codec/codec.ts";
import { cString, u32be } from "#base/codec/values.ts";
import { isErrno, KernelError } from "../kernel-error.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import type { NetlinkMessage, NetlinkRequest } from "../netlink/message.ts";
import { type ChainName, encodeChainName, type NftChain, nftChain } from "./chain.ts";
import * as nf from "./nf-tables.ts";
import { header, type NftFamily, nfgenmsg, requiring } from "./nfnetlink.ts";
import { encodeRuleName, type NftRule, nftRule } from "./rule.ts";
import { encodeSetName, type NftSet, nftSet, type SetName } from "./set.ts";
import { encodeAllElements, type NftSetElement, nftSetElements } from "./set-element.ts";
import { encodeTableName, type NftTable, nftTable, type TableName } from "./table.ts";
import type { NftSocket } from "./transaction.ts";

const NFTA_GEN_ID = 1;
const NFTA_GEN_PROC_PID = 2;
const NFTA_GEN_PROC_NAME = 3;

export const generationMessage = headerAndAttributes(
  nfgenmsg,
  requiring(
    "generation",
    attributes({
      generation: attribute(NFTA_GEN_ID, u32be),
      /** Who made it: in events alone. */
      pid: attribute(NFTA_GEN_PROC_PID, u32be),
      processName: attribute(NFTA_GEN_PROC_NAME, cString),
    }),
    "generation",
  ),
);

/** Number of the ruleset's current state; every transaction that changes something adds 1. */
export function readGeneration(socket: NftSocket): number {
  const request = { type: nf.NFT_MSG_GETGEN, payload: encode(nfgenmsg, header("unspec")) };
  const message = socket.netlink.find(request, "read the ruleset's generation", []);
  if (message === undefined) throw new Error("Cannot read the ruleset's generation: no answer");
  return decode(generationMessage, message.payload).generation;
}

export function findTable(socket: NftSocket, name: TableName): NftTable | undefined {
  const request = { type: nf.NFT_MSG_GETTABLE, payload: encodeTableName(name) };
  return find(socket, nftTable, request, `find table ${name.family} ${name.table}`);
}

/** Tables of a family, or all. */
export function listTables(socket: NftSocket, family?: NftFamily): readonly NftTable[] {
  const request = { type: nf.NFT_MSG_GETTABLE, payload: encode(nfgenmsg, header(family ?? "unspec")) };
  return list(socket, nftTable, request, "list tables");
}

export function findChain(socket: NftSocket, name: ChainName): NftChain | undefined {
  const request = { type: nf.NFT_MSG_GETCHAIN, payload: encodeChainName(name) };
  return find(socket, nftChain, request, `find chain ${name.family} ${name.table} ${name.chain}`);
}

/** Chains of a table; none when there is no such table. The kernel lists a whole family. */
export function listChains(socket: NftSocket, { family, table }: TableName): readonly NftChain[] {
  const request = { type: nf.NFT_MSG_GETCHAIN, payload: encode(nfgenmsg, header(family)) };
  const chains = list(socket, nftChain, request, `list chains of ${family} ${table}`);
  return chains.filter((chain) => chain.table === table);
}

/** Rules of a chain, or of all chains of a table, in their order; none when there is no such table or chain. */
export function listRules(socket: NftSocket, name: TableName & { readonly chain?: string }): readonly NftRule[] {
  const { family, table, chain } = name;
  const request = { type: nf.NFT_MSG_GETRULE, payload: encodeRuleName({ family, table, ...(chain && { chain }) }) };
  return list(socket, nftRule, request, `list rules of ${family} ${table} ${chain ?? ""}`.trimEnd());
}

export function findSet(socket: NftSocket, name: SetName): NftSet | undefined {
  const request = { type: nf.NFT_MSG_GETSET, payload: encodeSetName(name) };
  return find(socket, nftSet, request, `find set ${name.family} ${name.table} ${name.set}`);
}

/** Sets and maps of a table; none when there is no such table. */
export function listSets(socket: NftSocket, { family, table }: TableName): readonly NftSet[] {
  const request = { type: nf.NFT_MSG_GETSET, payload: encodeSetName({ family, table }) };
  return list(socket, nftSet, request, `list sets of ${family} ${table}`);
}

/** The element under this key; in a set of intervals the one that holds it. Undefined too when there is no such set. */
export function findElement(socket: NftSocket, name: SetName, key: Uint8Array): NftSetElement | undefined {
  const { family, table, set } = name;
  const payload = encode(nftSetElements, { family, table, set, elements: [{ key }] });
  const request = { type: nf.NFT_MSG_GETSETELEM, payload };
  const answer = find(socket, nftSetElements, request, `find element of ${family} ${table} ${set}`);
  return answer?.elements[0];
}

/**
 * All elements of a set, each once; none when there is no such set.
 * While a hash grows (in the background, after elements were added), the kernel goes on with a listing in another order
 * and does not say so: some elements come twice and as many not at all. Such a listing is read again.
 */
export function listElements(socket: NftSocket, name: SetName): readonly NftSetElement[] {
  const operation = `list elements of ${name.family} ${name.table} ${name.set}`;
  const request = { type: nf.NFT_MSG_GETSETELEM, payload: encodeAllElements(name) };
  for (let attempt = 1; attempt <= LISTING_ATTEMPTS; attempt++) {
    const elements = list(socket, nftSetElements, request, operation).flatMap((message) => message.elements);
    if (!hasDuplicates(elements)) return elements;
  }
  throw new KernelError(operation, EAGAIN, `its hash was growing during ${LISTING_ATTEMPTS} listings`);
}

/**
 * The same, each element as what `read` makes of it: its key, which no other has, and what is to be known of it. So a map
 * of many thousands costs no more than that.
 */
export function readElements<V>(
  socket: NftSocket,
  name: SetName,
  read: (element: NftSetElement) => readonly [key: string, value: V],
): Map<string, V> {
  const operation = `list elements of ${name.family} ${name.table} ${name.set}`;
  const request = { type: nf.NFT_MSG_GETSETELEM, payload: encodeAllElements(name) };
  for (let attempt = 1; attempt <= LISTING_ATTEMPTS; attempt++) {
    const found = new Map<string, V>();
    let count = 0;
    for (const { payload } of dump(socket, request, operation)) {
      for (const element of decode(nftSetElements, payload).elements) {
        found.set(...read(element));
        count++;
      }
    }
    if (found.size === count) return found;
  }
  throw new KernelError(operation, EAGAIN, `its hash was growing during ${LISTING_ATTEMPTS} listings`);
}

/** Growing takes some milliseconds, one listing of a set that is large enough to be torn about as long. */
const LISTING_ATTEMPTS = 20;
const EAGAIN = 11;

/** Some element comes twice. The start and the end of two adjoining ranges have one key, but not one flag. */
export function hasDuplicates(elements: readonly NftSetElement[]): boolean {
  const seen = new Set<string>();
  for (const { key, keyEnd, flags } of elements) seen.add(`${latin1(key)}/${latin1(keyEnd)}/${flags ?? ""}`);
  return seen.size < elements.length;
}

function latin1(bytes: Uint8Array = new Uint8Array()): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function find<T>(socket: NftSocket, codec: Codec<T>, request: NetlinkRequest, operation: string): T | undefined {
  const message = socket.netlink.find(request, operation, [constants.errno.ENOENT]);
  return message && decode(codec, message.payload);
}

function list<T>(socket: NftSocket, codec: Codec<T>, request: NetlinkRequest, operation: string): readonly T[] {
  return dump(socket, request, operation).map(({ payload }) => decode(codec, payload));
}

function dump(socket: NftSocket, request: NetlinkRequest, operation: string): readonly NetlinkMessage[] {
  try {
    return socket.netlink.dump(request, operation);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
