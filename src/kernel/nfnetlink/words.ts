/**
 * Numbers of the wire as the words of `nft`: one word (`postrouting`), or a list of them for a bit field.
 * Numbers without a word stay numbers, so that reading loses nothing that a newer kernel says.
 */
import type { FixedCodec } from "#base/codec/codec.ts";
import { mapped } from "#base/codec/values.ts";

export type Words = Readonly<Record<string, number>>;
export type Word<W extends Words> = (keyof W & string) | number;

export function word<const W extends Words>(codec: FixedCodec<number>, words: W): FixedCodec<Word<W>> {
  const byNumber = new Map<number, keyof W & string>(Object.entries(words).map(([name, number]) => [number, name]));
  return mapped<number, Word<W>>(
    codec,
    (number) => byNumber.get(number) ?? number,
    (value) => numberOf(words, value),
  );
}

/** A bit field: `["interval", "timeout"]`. Bits without a word are one number at the end. */
export function wordFlags<const W extends Words>(codec: FixedCodec<number>, words: W): FixedCodec<readonly Word<W>[]> {
  const entries = Object.entries(words);
  return mapped<number, readonly Word<W>[]>(
    codec,
    (bits) => {
      const names: Word<W>[] = entries.filter(([, bit]) => (bits & bit) === bit).map(([name]) => name);
      const rest = entries.reduce((left, [, bit]) => left & ~bit, bits) >>> 0;
      return rest === 0 ? names : [...names, rest];
    },
    (values) => values.reduce<number>((bits, value) => bits | numberOf(words, value), 0) >>> 0,
  );
}

function numberOf<W extends Words>(words: W, value: Word<W>): number {
  if (typeof value === "number") return value;
  const number = words[value];
  if (number === undefined) throw new RangeError(`Cannot encode "${value}": no such word`);
  return number;
}
