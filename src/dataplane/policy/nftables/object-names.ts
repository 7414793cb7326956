/**
 * Names of chains and sets, from what they stand for: always the same, so that an agent finds its own again. `nft` takes
 * letters, digits and `/ \ _ . -` and the kernel 255 bytes; what is longer, or no name at all, becomes a hash.
 */
import { createHash } from "node:crypto";
import type { Family } from "#base/ip-address.ts";
import type { AddressSetId, Direction, PodId, PolicyId } from "#policy/rule-model.ts";

const NAME_LENGTH_MAX = 200;
const HASH_DIGITS = 16;
/** User data of an object: 256 bytes, of which three are the item's own. */
const COMMENT_LENGTH_MAX = 250;

/** `egress/default/web-1`: NetworkPolicy and what comes behind it, for one pod. */
export function podChain(pod: PodId, direction: Direction): string {
  return chainName(`${direction}/${pod}`);
}

/** `egress-admin/default/web-1`: what comes before. */
export function podAdminChain(pod: PodId, direction: Direction): string {
  return chainName(`${direction}-admin/${pod}`);
}

/** `networkpolicy/default/web/egress`; in tier Baseline a policy that passes has a chain of its own. */
export function policyChain(policy: PolicyId, direction: Direction, tier?: "baseline"): string {
  return chainName(`${policy}/${direction}${tier === undefined ? "" : `/${tier}`}`);
}

export function addressSetName(id: AddressSetId, family: Family): string {
  return `addresses${family}-${shortHash(id)}`;
}

/** `key` as `namedPortKey` gives it. */
export function namedPortSetName(key: string, family: Family): string {
  return `named${family}-${shortHash(key)}`;
}

/** Of a set whose content never changes. */
export function contentName(kind: string, content: string): string {
  return `${kind}-${shortHash(content)}`;
}

/** At most 63 bytes, what a log message's prefix may have on every kernel: the direction, and which rule. */
export function logPrefix(direction: Direction, what: string): string {
  return `podwire ${direction} ${shortHash(what)}`;
}

export function commentText(text: string): string {
  if (Buffer.byteLength(text) <= COMMENT_LENGTH_MAX) return text;
  return `${Buffer.from(text)
    .subarray(0, COMMENT_LENGTH_MAX - HASH_DIGITS - 4)
    .toString("utf8")
    .replace(/\uFFFD+$/, "")}… ${shortHash(text)}`.slice(0, COMMENT_LENGTH_MAX);
}

function chainName(text: string): string {
  const isName = /^[A-Za-z][A-Za-z0-9/\\_.-]*$/.test(text);
  if (isName && text.length <= NAME_LENGTH_MAX) return text;
  const readable = text.replaceAll(/[^A-Za-z0-9/_.-]/g, "_").slice(0, NAME_LENGTH_MAX - HASH_DIGITS - 1);
  return `${readable}-${shortHash(text)}`;
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, HASH_DIGITS);
}
