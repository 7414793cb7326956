/**
 * Keys in the order of their UTF-8 bytes, which both stores keep, and the ranges that prefixes are.
 * JavaScript compares UTF-16 units instead: that differs where one character is beyond U+FFFF.
 */

/** The first text behind all texts with this prefix; undefined when there is none. */
export function endOfPrefix(prefix: string): string | undefined {
  const characters = Array.from(prefix);
  for (let last = characters.pop(); last !== undefined; last = characters.pop()) {
    const next = nextCodePoint(last.codePointAt(0) ?? 0);
    if (next !== undefined) return characters.join("") + String.fromCodePoint(next);
  }
  return undefined;
}

function nextCodePoint(codePoint: number): number | undefined {
  if (codePoint >= 0x10ffff) return undefined;
  // Surrogates are no characters of their own.
  return codePoint === 0xd7ff ? 0xe000 : codePoint + 1;
}

export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return byCodePoint(left) - byCodePoint(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for characters beyond U+FFFF: they come last. */
function byCodePoint(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
