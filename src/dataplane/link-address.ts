/** The one address per family that a data plane's own link has: added if missing, others of the family taken away. Pure. */
import type { Prefix } from "#base/ip-address.ts";
import type { Address } from "#kernel/rtnetlink/address.ts";
import { scopes } from "#kernel/rtnetlink/family.ts";
import type { KernelOperation } from "./kernel-operation.ts";

/** Link-local addresses are the kernel's. */
export function planAddress(link: string, wanted: Prefix, present: readonly Address[]): readonly KernelOperation[] {
  const others = present.filter(({ prefix, scope }) => prefix.family === wanted.family && scope !== scopes.link);
  const isWanted = ({ prefix }: Address) => prefix.address === wanted.address && prefix.length === wanted.length;
  return [
    ...(others.some(isWanted) ? [] : [{ do: "add address", link, prefix: wanted } as const]),
    ...others.filter((one) => !isWanted(one)).map(({ prefix }) => ({ do: "delete address", link, prefix }) as const),
  ];
}
