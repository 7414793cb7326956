/**
 * Numbers of nf_tables that more than one file needs; attribute numbers stand beside the codec that uses them.
 * Source: include/uapi/linux/netfilter/nf_tables.h, Linux 6.1 (NFT_MSG_DESTROY…: Linux 6.3).
 */
import { NFNL_SUBSYS_NFTABLES } from "./nfnetlink.ts";

function message(number: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | number;
}

export const NFT_MSG_NEWTABLE = message(0);
export const NFT_MSG_GETTABLE = message(1);
export const NFT_MSG_DELTABLE = message(2);
export const NFT_MSG_NEWCHAIN = message(3);
export const NFT_MSG_GETCHAIN = message(4);
export const NFT_MSG_DELCHAIN = message(5);
export const NFT_MSG_NEWRULE = message(6);
export const NFT_MSG_GETRULE = message(7);
export const NFT_MSG_DELRULE = message(8);
export const NFT_MSG_NEWSET = message(9);
export const NFT_MSG_GETSET = message(10);
export const NFT_MSG_DELSET = message(11);
export const NFT_MSG_NEWSETELEM = message(12);
export const NFT_MSG_GETSETELEM = message(13);
export const NFT_MSG_DELSETELEM = message(14);
export const NFT_MSG_NEWGEN = message(15);
export const NFT_MSG_GETGEN = message(16);
export const NFT_MSG_NEWOBJ = message(18);
export const NFT_MSG_GETOBJ = message(19);
export const NFT_MSG_DELOBJ = message(20);
export const NFT_MSG_NEWFLOWTABLE = message(22);
export const NFT_MSG_DELFLOWTABLE = message(24);
/** As DEL…, but content with what is not there. Since Linux 6.3. */
export const NFT_MSG_DESTROYTABLE = message(26);
export const NFT_MSG_DESTROYCHAIN = message(27);
export const NFT_MSG_DESTROYRULE = message(28);
export const NFT_MSG_DESTROYSET = message(29);
export const NFT_MSG_DESTROYSETELEM = message(30);
export const NFT_MSG_DESTROYOBJ = message(31);

/** Lists of expressions, fields and elements repeat this attribute. */
export const NFTA_LIST_ELEM = 1;
/** Of nearly all elements. enum nft_set_elem_attributes */
export const NFTA_SET_ELEM_KEY = 1;
export const NFTA_SET_ELEM_DATA = 2;
export const NFTA_SET_ELEM_USERDATA = 6;

/** The register that holds a verdict; writing one there ends the rule. */
export const NFT_REG_VERDICT = 0;
/**
 * Registers of 16 bytes: 1 to 4. The same memory as 4-byte registers: 8 to 23, so 8 is the start of 1 and 12 of 2.
 * A concatenation lies in consecutive 4-byte registers, each part padded to 4 bytes.
 */
export const NFT_REG_1 = 1;
export const NFT_REG_2 = 2;
export const NFT_REG32_00 = 8;
export const NFT_REG_SIZE = 16;
export const NFT_REG32_SIZE = 4;

/** Longest comment and other user data of an object. NFT_USERDATA_MAXLEN */
export const NFT_USERDATA_MAXLEN = 256;
/** include/uapi/linux/netfilter.h */
export const NF_DROP = 0;
export const NF_ACCEPT = 1;
