/**
 * The custom kinds that are served now, as entries of the kind registry: made when a definition is new, made again
 * when it changes, taken out when it goes. All of it happens within one turn, so that whoever hears that a definition
 * is written can already use the kind.
 */
import { expiredError } from "#api/api-error.ts";
import type { Kind } from "#api/kind.ts";
import type { CustomResourceDefinition } from "#api/kinds/custom-resource-definition/definition-spec.ts";
import type { KindRegistry } from "../resources/kind-registry.ts";
import { createCustomKind } from "./custom-kind.ts";
import type { CustomResourceCaches } from "./custom-resource-caches.ts";
import { type PlannedNames, planNames } from "./plan-names.ts";

export interface ServedKindsDeps {
  readonly registry: KindRegistry;
  readonly caches: Pick<CustomResourceCaches, "endWatches">;
}

export interface ServedKinds {
  /** `name` of a definition that has changed, or is gone when `definition` is undefined. Gives all whose plan may differ. */
  update(name: string, definition: CustomResourceDefinition | undefined): readonly string[];
  plan(name: string): PlannedNames | undefined;
  names(): readonly string[];
}

interface Entry {
  readonly key: string;
  readonly kinds: readonly Kind[];
}

export function createServedKinds({ registry, caches }: ServedKindsDeps): ServedKinds {
  const definitions = new Map<string, CustomResourceDefinition>();
  const plans = new Map<string, PlannedNames>();
  const served = new Map<string, Entry>();

  function serve(name: string, plan: PlannedNames | undefined): void {
    const old = served.get(name) ?? { key: "", kinds: [] };
    const key = plan === undefined ? "" : keyOf(plan);
    if (key === old.key) return;
    const kinds = plan === undefined ? [] : kindsOf(plan);
    const added = new Set(kinds.map(pathOf));
    for (const kind of old.kinds) if (!added.has(pathOf(kind))) registry.remove(kind);
    for (const kind of kinds) registry.add(kind);
    if (plan === undefined) served.delete(name);
    else served.set(name, { key, kinds });
    const over = expiredError(`the definition of ${name} has changed`);
    for (const kind of old.kinds) caches.endWatches(kind, over);
  }

  return {
    update(name, definition) {
      const { group } = definition?.spec ?? definitions.get(name)?.spec ?? {};
      if (definition === undefined) {
        definitions.delete(name);
        plans.delete(name);
        serve(name, undefined);
      } else {
        definitions.set(name, definition);
      }
      const members = [...definitions.values()].filter(({ spec }) => spec.group === group);
      const builtIn = registry.all().filter((kind) => kind.group === group && kind.custom === undefined);
      const planned = planNames(members, builtIn);
      for (const plan of planned) {
        const { name: member = "" } = plan.definition.metadata;
        plans.set(member, plan);
        serve(member, plan);
      }
      return planned.map((plan) => plan.definition.metadata.name ?? "");
    },
    plan: (name) => plans.get(name),
    names: () => [...definitions.keys()],
  };
}

/** What a kind is made from; the status of a definition changes more often. */
function keyOf({ definition, acceptedNames, isServed }: PlannedNames): string {
  const { uid, generation, deletionTimestamp } = definition.metadata;
  return JSON.stringify([uid, generation, deletionTimestamp !== undefined, isServed, acceptedNames]);
}

function kindsOf({ definition, acceptedNames: names, isServed }: PlannedNames): readonly Kind[] {
  if (!isServed) return [];
  return definition.spec.versions
    .filter(({ served }) => served === true)
    .map((version) => createCustomKind({ definition, version, names }));
}

function pathOf({ group, version, plural }: Kind): string {
  return `${group}/${version}/${plural}`;
}
