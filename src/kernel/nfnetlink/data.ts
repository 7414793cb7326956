/**
 * NFTA_DATA: what a register, a map or a comparison holds: bytes, or a verdict.
 * Source: include/uapi/linux/netfilter/nf_tables.h (nft_data_attributes, nft_verdicts), Linux 6.1.
 */
import type { Codec } from "#base/codec/codec.ts";
import { cString, i32be, mapped, rawBytes } from "#base/codec/values.ts";
import { attribute, attributes, markNested } from "../netlink/attributes.ts";
import { NF_ACCEPT, NF_DROP } from "./nf-tables.ts";
import { word } from "./words.ts";

export const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_VERDICT_CHAIN = 2;

export const VERDICTS = {
  drop: NF_DROP,
  accept: NF_ACCEPT,
  continue: -1,
  break: -2,
  jump: -3,
  goto: -4,
  return: -5,
} as const;

/** `{ verdict: "accept" }`, `{ verdict: "goto", chain: "subnet-chain" }` */
export interface Verdict {
  readonly verdict: keyof typeof VERDICTS | number;
  /** For jump and goto alone. */
  readonly chain?: string | undefined;
}

export type NftData = Uint8Array | Verdict;

const wire = attributes({
  value: attribute(NFTA_DATA_VALUE, rawBytes),
  verdict: attribute(
    NFTA_DATA_VERDICT,
    attributes({
      verdict: attribute(NFTA_VERDICT_CODE, word(i32be, VERDICTS)),
      chain: attribute(NFTA_VERDICT_CHAIN, cString),
    }),
  ),
});

export const nftData: Codec<NftData> = markNested(
  mapped<typeof wire extends Codec<infer W> ? W : never, NftData>(
    wire,
    ({ value, verdict }) => {
      if (value) return value;
      if (verdict?.verdict === undefined) throw new Error("neither a value nor a verdict");
      return { verdict: verdict.verdict, ...(verdict.chain === undefined ? {} : { chain: verdict.chain }) };
    },
    (data) => (data instanceof Uint8Array ? { value: data } : { verdict: data }),
  ),
);

/** Where bytes are the only possibility: comparisons, masks, keys of sets. */
export const nftValue: Codec<Uint8Array> = markNested(
  mapped<NftData, Uint8Array>(
    nftData,
    (data) => {
      if (data instanceof Uint8Array) return data;
      throw new Error(`verdict "${data.verdict}" where bytes are expected`);
    },
    (value) => value,
  ),
);
