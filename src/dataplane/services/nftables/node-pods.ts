/** Whether an address lies in one of some prefixes: quick for the many addresses of a large cluster. */
import { contains, type IpAddress, type Prefix } from "#base/ip-address.ts";

export function createPrefixTest(prefixes: readonly Prefix[]): (address: IpAddress) => boolean {
  const ranges = prefixes.filter(({ family }) => family === 4).map(rangeOf);
  const others = prefixes.filter(({ family }) => family === 6);
  return (address) => {
    if (address.includes(":")) return others.some((prefix) => contains(prefix, address));
    const number = ipv4Number(address);
    return ranges.some(({ first, size }) => number >= first && number < first + size);
  };
}

function rangeOf({ address, length }: Prefix): { readonly first: number; readonly size: number } {
  const size = 2 ** (32 - length);
  return { first: Math.floor(ipv4Number(address) / size) * size, size };
}

/** Canonical text, as every IpAddress is. */
function ipv4Number(address: IpAddress): number {
  let number = 0;
  let octet = 0;
  for (let at = 0; at < address.length; at++) {
    const code = address.charCodeAt(at);
    if (code !== DOT) octet = octet * 10 + code - ZERO;
    else {
      number = number * 256 + octet;
      octet = 0;
    }
  }
  return number * 256 + octet;
}
const DOT = 46;
const ZERO = 48;
