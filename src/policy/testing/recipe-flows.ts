/** The flows of a recipe's case: one for each family, with the addresses of its ends. */
import { type Family, familyOf, type IpAddress } from "#base/ip-address.ts";
import type { PolicyWorld } from "../policy-world.ts";
import type { Flow } from "../rule-model.ts";
import type { RecipeCase } from "./recipes/recipe.ts";
import { STAGE_OUTSIDE } from "./recipes/stage.ts";

export function flowsOfCase(
  world: PolicyWorld,
  { from, to, protocol, port, family: only }: RecipeCase,
): readonly Flow[] {
  const families: readonly Family[] = only === undefined ? [4, 6] : [only];
  return families.map((family) => ({
    family,
    source: addressOfEnd(world, from, family),
    destination: addressOfEnd(world, to, family),
    protocol,
    port,
  }));
}

export function addressOfEnd(world: PolicyWorld, name: string, family: Family): IpAddress {
  const outside: Readonly<Record<string, readonly IpAddress[]>> = STAGE_OUTSIDE;
  const addresses =
    world.pods.get(name)?.addresses ?? outside[name] ?? world.nodes.get(name.replace(/^node\//, ""))?.addresses ?? [];
  const address = addresses.find((one) => familyOf(one) === family);
  if (address === undefined) throw new Error(`The stage has no ${name} with IPv${family}`);
  return address;
}
