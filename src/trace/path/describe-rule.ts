/**
 * A rule in words close to `nft list ruleset`, for evidence: what it compares and what it does. Expressions without a
 * short form are named in brackets.
 */
import { formatAddress } from "#base/ip-address.ts";
import type { Expression } from "#kernel/nfnetlink/expression.ts";
import type { NftRule } from "#kernel/nfnetlink/rule.ts";

/** Fields of headers by base, offset and length; `ip` and `ip6` have none of them in common. */
const FIELDS: Readonly<Record<string, string>> = {
  "network 12 4": "ip saddr",
  "network 16 4": "ip daddr",
  "network 9 1": "ip protocol",
  "network 8 16": "ip6 saddr",
  "network 24 16": "ip6 daddr",
  "transport 0 2": "th sport",
  "transport 2 2": "th dport",
  "transport 0 1": "icmp type",
  "link 6 6": "ether saddr",
};

interface Left {
  readonly field: string;
  readonly mask?: Uint8Array | undefined;
}

export function describeRule(rule: NftRule): string {
  const words: string[] = [];
  let left: Left = { field: "?" };
  for (const expression of rule.expressions) {
    const field = fieldOf(expression);
    if (field !== undefined) {
      left = { field };
      continue;
    }
    if (expression.kind === "bitwise") left = { ...left, mask: expression.mask };
    else words.push(describe(expression, left));
  }
  const comment = rule.comment === undefined ? [] : [`comment "${rule.comment}"`];
  return [...words, ...comment].join(" ");
}

function fieldOf(expression: Expression): string | undefined {
  switch (expression.kind) {
    case "payload": {
      const { base, offset, len } = expression;
      if (expression.dreg === undefined) return undefined;
      return (
        FIELDS[`${base} ${offset} ${len}`] ??
        shortened(String(base), offset, len) ??
        `@${base},${offset * 8},${len * 8}`
      );
    }
    case "meta":
      return expression.dreg === undefined ? undefined : String(expression.key);
    case "ct":
      return expression.dreg === undefined ? undefined : `ct ${expression.key}`;
    case "fib":
      return `fib ${expression.flags.join(" . ")} ${expression.result}`;
    default:
      return undefined;
  }
}

/** nft compares whole bytes of a prefix only: `ip saddr 10.244.1.0/24` loads 3 bytes. */
function shortened(base: string, offset: number, length: number): string | undefined {
  if (base !== "network") return undefined;
  if (offset === 12 && length < 4) return "ip saddr";
  if (offset === 16 && length < 4) return "ip daddr";
  if (offset === 8 && length > 4 && length < 16) return "ip6 saddr";
  return offset === 24 && length < 16 ? "ip6 daddr" : undefined;
}

function describe(expression: Expression, left: Left): string {
  switch (expression.kind) {
    case "cmp": {
      const op = expression.op === "==" ? "" : `${expression.op} `;
      return `${left.field} ${op}${describeValue(left, expression.data)}`;
    }
    case "lookup": {
      const name = expression.set.startsWith("__") ? "{ … }" : `@${expression.set}`;
      return `${left.field} ${expression.dreg === undefined ? "" : "map "}${name}`;
    }
    case "immediate":
      if (expression.data instanceof Uint8Array) return "";
      return [expression.data.verdict, expression.data.chain].filter((word) => word !== undefined).join(" ");
    case "masq":
      return "masquerade";
    case "nat":
      return String(expression.type);
    case "counter":
      return `counter packets ${expression.packets ?? 0}`;
    case "reject":
      return "reject";
    case "match":
    case "target":
      return `[${expression.kind} ${expression.name}]`;
    default:
      return `[${expression.kind}]`;
  }
}

function describeValue({ field, mask }: Left, data: Uint8Array): string {
  if (/^ip6? [sd]addr$/.test(field)) {
    const whole = Buffer.alloc(field.startsWith("ip6") ? 16 : 4);
    whole.set(data);
    const bits = mask === undefined ? data.length * 8 : maskBits(mask);
    return bits === whole.length * 8 ? formatAddress(whole) : `${formatAddress(whole)}/${bits}`;
  }
  if (field.endsWith("name")) {
    const end = data.indexOf(0);
    const text = Buffer.from(end < 0 ? data : data.subarray(0, end)).toString();
    return end < 0 ? `"${text}*"` : `"${text}"`;
  }
  if (field.startsWith("th ")) return String(Buffer.from(data).readUInt16BE());
  if (field === "l4proto") return { 1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6" }[data[0] ?? 0] ?? `${data[0]}`;
  if (field === "nfproto") return data[0] === 2 ? "ipv4" : "ipv6";
  return `0x${Buffer.from(data).toString("hex")}`;
}

function maskBits(mask: Uint8Array): number {
  const text = Array.from(mask, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return text.replace(/0+$/, "").length;
}
