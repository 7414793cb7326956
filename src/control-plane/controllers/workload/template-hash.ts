/**
 * A short name for a template: the same for templates that say the same, whatever the order of their members.
 * Clashes are told apart by the owner's `collisionCount`. Hash: FNV-1a of 32 bits
 * (draft-eastlake-fnv), written in letters and digits that make no words.
 */
import type { JsonValue } from "#base/json.ts";

const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

export function templateHash(template: JsonValue, collisionCount: number | undefined): string {
  let hash = OFFSET_BASIS;
  const text = `${canonicalJson(template)}${collisionCount ?? ""}`;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, PRIME);
  return safeText(String(hash >>> 0));
}

/** Members in the order of their names, without those that are undefined. */
export function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, member]) => (member === undefined ? [] : [`${JSON.stringify(name)}:${canonicalJson(member)}`]));
  return `{${members.join(",")}}`;
}

function safeText(text: string): string {
  return [...text].map((char) => ALPHABET[char.charCodeAt(0) % ALPHABET.length]).join("");
}
