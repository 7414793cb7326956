/** The element of a set that holds a key: exact, in a range, or the catch-all. */
import { splitConcat, typeBytes } from "#kernel/nfnetlink/data-type.ts";
import type { NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import type { NftSetFacts } from "../facts/world-facts.ts";

/** `read` gives the first bytes of the registers that hold the key. */
export function lookupElement(set: NftSetFacts, read: (length: number) => Buffer): NftSetElement | undefined {
  const catchAll = set.elements.find(({ flags }) => flags?.includes("catch-all"));
  const length = set.key.length > 0 ? typeBytes(set.key) : (set.elements.find(({ key }) => key)?.key?.length ?? 0);
  const key = read(length);
  const found = set.flags?.includes("interval") ? findRange(set, key) : findExact(set, key);
  return found ?? catchAll;
}

function findExact({ elements }: NftSetFacts, key: Buffer): NftSetElement | undefined {
  return elements.find((element) => element.key !== undefined && Buffer.compare(key, element.key) === 0);
}

function findRange(set: NftSetFacts, key: Buffer): NftSetElement | undefined {
  if (set.elements.some(({ keyEnd }) => keyEnd !== undefined)) return findConcatenatedRange(set, key);
  let best: NftSetElement | undefined;
  for (const element of set.elements) {
    if (element.key === undefined || Buffer.compare(element.key, key) > 0) continue;
    const order = best?.key === undefined ? 1 : Buffer.compare(element.key, best.key);
    // Where one range ends and the next begins there are two elements with one key: the beginning counts.
    if (order > 0 || (order === 0 && !isEnd(element))) best = element;
  }
  return best === undefined || isEnd(best) ? undefined : best;
}

function findConcatenatedRange({ elements, key: types }: NftSetFacts, key: Buffer): NftSetElement | undefined {
  const parts = splitConcat(types, key);
  return elements.find((element) => {
    if (element.key === undefined) return false;
    const from = splitConcat(types, element.key);
    const to = splitConcat(types, element.keyEnd ?? element.key);
    return parts.every(
      (part, index) => Buffer.compare(part, from[index] ?? part) >= 0 && Buffer.compare(part, to[index] ?? part) <= 0,
    );
  });
}

function isEnd({ flags }: NftSetElement): boolean {
  return flags?.includes("interval-end") === true;
}
