/** Readers (config.ts) of the addresses that configurations and results hold. */
import { type IpAddress, type Prefix, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { type MacAddress, parseMacAddress } from "#base/mac-address.ts";
import { parsed, type Reader } from "./config.ts";

/** `10.1.0.5` or `fd00::5`. */
export const ipAddress: Reader<IpAddress> = parsed(parseAddress);

/** `10.1.0.5/16`; host bits are kept. */
export const ipPrefix: Reader<Prefix> = parsed(parsePrefix);

/** `aa:bb:cc:dd:ee:ff`. */
export const macAddress: Reader<MacAddress> = parsed(parseMacAddress);
