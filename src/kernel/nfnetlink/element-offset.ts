/**
 * Which element of a message the kernel blames: its extended acknowledgement gives a byte of the request.
 * Elements are refused one by one since Linux 5.16 (NL_SET_BAD_ATTR in nf_tables_newsetelem); before, there is no offset.
 */
import { align4, eachAttribute } from "../netlink/attributes.ts";
import { NFTA_SET_ELEM_LIST_ELEMENTS } from "./set-element.ts";

/** sizeof(struct nfgenmsg) */
const NFGENMSG_BYTES = 4;
const NLA_HDRLEN = 4;

/** Position among the elements of this NEWSETELEM or DELSETELEM payload; undefined when `offset` is elsewhere. */
export function elementIndexAt(payload: Buffer, offset: number): number | undefined {
  let found: number | undefined;
  eachAttribute(payload, NFGENMSG_BYTES, payload.length, (type, start, end) => {
    if (type !== NFTA_SET_ELEM_LIST_ELEMENTS || offset < start || offset >= end) return;
    let index = 0;
    eachAttribute(payload, start, end, (_type, elementStart, elementEnd) => {
      if (offset >= elementStart - NLA_HDRLEN && offset < align4(elementEnd)) found = index;
      index += 1;
    });
  });
  return found;
}
