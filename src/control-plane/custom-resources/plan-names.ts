/**
 * Which names a CustomResourceDefinition gets: those that no other kind of its group has. What was accepted once
 * stays; a name that is taken leaves the old one in its place. Reasons and texts of the API server.
 */
import type { Kind } from "#api/kind.ts";
import { hasCondition } from "#api/kinds/custom-resource-definition/definition-conditions.ts";
import type { DefinitionNames } from "#api/kinds/custom-resource-definition/definition-names.ts";
import type {
  CustomResourceDefinition,
  DefinitionCondition,
} from "#api/kinds/custom-resource-definition/definition-spec.ts";

export interface PlannedNames {
  readonly definition: CustomResourceDefinition;
  readonly acceptedNames: DefinitionNames;
  /** NamesAccepted. */
  readonly condition: DefinitionCondition;
  readonly isServed: boolean;
}

/** `definitions`: all of one group. `builtIn`: the group's kinds that are no custom ones. */
export function planNames(
  definitions: readonly CustomResourceDefinition[],
  builtIn: readonly Kind[],
): readonly PlannedNames[] {
  const accepted = new Map(definitions.map((one) => [one, one.status?.acceptedNames ?? {}]));
  // Names belong to whoever asked first.
  return definitions.toSorted(byAge).map((definition) => {
    const others = [...accepted].filter(([other]) => other !== definition).map(([, names]) => names);
    const plan = planOne(definition, takenBy([...others, ...builtIn]));
    accepted.set(definition, plan.acceptedNames);
    return plan;
  });
}

function byAge(a: CustomResourceDefinition, b: CustomResourceDefinition): number {
  const [left, right] = [a.metadata, b.metadata];
  const order = (left.creationTimestamp ?? "").localeCompare(right.creationTimestamp ?? "");
  return order === 0 ? (left.name ?? "").localeCompare(right.name ?? "") : order;
}

interface Taken {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

function takenBy(names: readonly DefinitionNames[]): Taken {
  return {
    resources: new Set(
      names.flatMap(({ plural = "", singular = "", shortNames = [] }) => [plural, singular, ...shortNames]),
    ),
    kinds: new Set(names.flatMap(({ kind = "", listKind = `${kind}List` }) => [kind, listKind])),
  };
}

function planOne(definition: CustomResourceDefinition, { resources, kinds }: Taken): PlannedNames {
  const { names } = definition.spec;
  const old = definition.status?.acceptedNames ?? {};
  const conflicts: { readonly reason: string; readonly message: string }[] = [];
  const take = (name: "plural" | "singular" | "kind" | "listKind", taken: ReadonlySet<string>, reason: string) => {
    const wanted = names[name] ?? "";
    if (wanted === (old[name] ?? "") || !taken.has(wanted)) return names[name];
    conflicts.push({ reason, message: inUse(wanted) });
    return old[name];
  };
  const plural = take("plural", resources, "PluralConflict");
  const singular = take("singular", resources, "SingularConflict");
  const isShortNameTaken = (name: string) => old.shortNames?.includes(name) !== true && resources.has(name);
  const shortConflicts = (names.shortNames ?? []).filter(isShortNameTaken);
  if (shortConflicts.length > 0) {
    const texts = shortConflicts.map(inUse);
    const message = texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
    conflicts.push({ reason: "ShortNamesConflict", message });
  }
  const kind = take("kind", kinds, "KindConflict");
  const listKind = take("listKind", kinds, "ListKindConflict");
  // As everywhere, the last one that is found is told.
  const conflict = conflicts.at(-1);
  return {
    definition,
    acceptedNames: {
      ...given("plural", plural),
      ...given("singular", singular),
      ...given("shortNames", shortConflicts.length > 0 ? old.shortNames : names.shortNames),
      ...given("kind", kind),
      ...given("listKind", listKind),
      ...given("categories", names.categories),
    },
    condition:
      conflict === undefined
        ? { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" }
        : { type: "NamesAccepted", status: "False", ...conflict },
    isServed: conflict === undefined || hasCondition(definition, "Established"),
  };
}

function inUse(name: string): string {
  return `${JSON.stringify(name)} is already in use`;
}

function given<K extends string, T>(name: K, value: T | undefined): { readonly [P in K]?: T } {
  // One member, or none.
  return (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: T };
}
