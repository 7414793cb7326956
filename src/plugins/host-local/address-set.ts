/**
 * A set of addresses of one family as a sparse bitmap: finds the next address that is not in it by steps of 32 and
 * takes memory only where addresses are in it, so a dense /16 and an almost empty /64 are both cheap.
 */

export interface AddressSet {
  add(value: bigint): void;
  delete(value: bigint): void;
  /** The first value of `from..to` that is not in the set. */
  nextAbsent(from: bigint, to: bigint): bigint | undefined;
  /** How many values of `from..to` are in the set. */
  count(from: bigint, to: bigint): number;
}

/** 1024 addresses in 32 words a block. */
const BLOCK_BITS = 10n;
const BLOCK_SIZE = 1 << Number(BLOCK_BITS);
const OFFSET_MASK = BigInt(BLOCK_SIZE - 1);
const FULL_WORD = 0xffffffff;

export function createAddressSet(): AddressSet {
  const blocks = new Map<bigint, Uint32Array>();
  return {
    add(value) {
      const key = value >> BLOCK_BITS;
      const block = blocks.get(key) ?? new Uint32Array(BLOCK_SIZE / 32);
      blocks.set(key, block);
      const offset = offsetOf(value);
      block[offset >> 5] = wordAt(block, offset) | (1 << (offset & 31));
    },
    delete(value) {
      const key = value >> BLOCK_BITS;
      const block = blocks.get(key);
      if (block === undefined) return;
      const offset = offsetOf(value);
      block[offset >> 5] = wordAt(block, offset) & ~(1 << (offset & 31));
      if (block.every((word) => word === 0)) blocks.delete(key);
    },
    nextAbsent(from, to) {
      for (let at = from; at <= to; at = ((at >> BLOCK_BITS) + 1n) << BLOCK_BITS) {
        const block = blocks.get(at >> BLOCK_BITS);
        const offset = block === undefined ? offsetOf(at) : nextClearBit(block, offsetOf(at));
        if (offset === undefined) continue;
        const found = ((at >> BLOCK_BITS) << BLOCK_BITS) + BigInt(offset);
        return found <= to ? found : undefined;
      }
      return undefined;
    },
    count(from, to) {
      let count = 0;
      for (const [key, block] of blocks) {
        const start = key << BLOCK_BITS;
        if (start > to || start + OFFSET_MASK < from) continue;
        for (let offset = 0; offset < BLOCK_SIZE; offset += 1) {
          const value = start + BigInt(offset);
          if (value >= from && value <= to && (wordAt(block, offset) >>> (offset & 31)) & 1) count += 1;
        }
      }
      return count;
    },
  };
}

function offsetOf(value: bigint): number {
  return Number(value & OFFSET_MASK);
}

/** The word that holds the bit; always there, because offsets are below the block's size. */
function wordAt(block: Uint32Array, offset: number): number {
  return block[offset >> 5] ?? 0;
}

function nextClearBit(block: Uint32Array, from: number): number | undefined {
  for (let offset = from; offset < BLOCK_SIZE; offset = (offset | 31) + 1) {
    // Bits before `offset` count as taken.
    const taken = (wordAt(block, offset) | ((1 << (offset & 31)) - 1)) >>> 0;
    if (taken !== FULL_WORD) return (offset & ~31) + 31 - Math.clz32(~taken & (taken + 1));
  }
  return undefined;
}
