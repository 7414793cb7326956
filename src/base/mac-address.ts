/**
 * Ethernet hardware addresses (EUI-48). A `MacAddress` is its text as `ip link` prints it, `aa:bb:cc:dd:ee:ff`,
 * so that addresses compare with `===`.
 */
import { AddressError } from "./ip-address.ts";

export type MacAddress = string & { readonly __brand: "MacAddress" };

/** Accepts `aa:bb:cc:dd:ee:ff` and `AA-BB-CC-DD-EE-FF`. */
export function parseMacAddress(text: string): MacAddress {
  if (!/^[0-9a-f]{2}([:-])[0-9a-f]{2}(\1[0-9a-f]{2}){4}$/i.test(text)) {
    throw new AddressError("hardware address", text, "it is not of the form aa:bb:cc:dd:ee:ff");
  }
  return brand(text.toLowerCase().replaceAll("-", ":"));
}

export function formatMacAddress(bytes: Uint8Array): MacAddress {
  if (bytes.length !== 6) {
    throw new AddressError(
      "hardware address",
      Buffer.from(bytes).toString("hex"),
      `it has ${bytes.length} bytes, not 6`,
    );
  }
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  return brand(`${HEX[a]}:${HEX[b]}:${HEX[c]}:${HEX[d]}:${HEX[e]}:${HEX[f]}`);
}

/** Two digits per byte. Links are read several times per pod. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function macBytes(address: MacAddress): Uint8Array {
  return Uint8Array.from(Buffer.from(address.replaceAll(":", ""), "hex"));
}

// The only way to a MacAddress: every caller passes checked, lower-case text.
function brand(canonical: string): MacAddress {
  return canonical as MacAddress;
}
