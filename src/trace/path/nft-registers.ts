/** Where a register lies in nf_tables' register memory. Source: nft_parse_register, net/netfilter/nf_tables_api.c, Linux 6.1. */
import { NFT_REG_SIZE, NFT_REG32_00, NFT_REG32_SIZE } from "#kernel/nfnetlink/nf-tables.ts";

const REGISTERS = 4;
/** A load may fill a concatenation's rest: some bytes more than the registers have. */
export const NFTABLES_REGISTER_BYTES = REGISTERS * NFT_REG_SIZE + NFT_REG_SIZE;

export function registerOffset(register: number): number {
  return register < NFT_REG32_00 ? (register - 1) * NFT_REG_SIZE : (register - NFT_REG32_00) * NFT_REG32_SIZE;
}
