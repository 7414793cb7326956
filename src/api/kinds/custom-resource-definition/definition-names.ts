/** The names of a kind that a CustomResourceDefinition declares. Texts of the API server. */
import { childPath, type FieldError, indexPath, invalid } from "../../field-error.ts";
import { checkDnsLabel1035 } from "../../names.ts";
import { field, list, object, string, type ValueOf } from "../../schema/schema.ts";

export const definitionNames = object(
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionNames",
  "Names of a custom kind.",
  {
    plural: field(1, string, "Name of the resource in paths; the definition is called plural.group."),
    singular: field(2, string, "Name of one object on the command line.", {
      default: ({ kind }) => (typeof kind === "string" && kind !== "" ? kind.toLowerCase() : undefined),
    }),
    shortNames: field(3, list(string), "Shorter names on the command line."),
    kind: field(4, string, "Name of the kind, in CamelCase."),
    listKind: field(5, string, "Name of the kind of lists.", {
      default: ({ kind }) => (typeof kind === "string" && kind !== "" ? `${kind}List` : undefined),
    }),
    categories: field(6, list(string), "Groups of resources that the kind is listed with, such as all."),
  },
);
export type DefinitionNames = ValueOf<typeof definitionNames>;

export function checkDefinitionNames(names: DefinitionNames, path: string): readonly FieldError[] {
  const { plural = "", singular = "", kind = "", listKind = "", shortNames = [], categories = [] } = names;
  const errors: FieldError[] = [];
  const check = (where: string, name: string, label: string, prefix = ""): void => {
    const problems = label === "" ? [] : checkDnsLabel1035(label);
    if (problems.length > 0) errors.push(invalid(where, name, `${prefix}${problems.join(",")}`));
  };
  const mixedCase = "may have mixed case, but should otherwise match: ";
  check(childPath(path, "plural"), plural, plural);
  check(childPath(path, "singular"), singular, singular);
  check(childPath(path, "kind"), kind, kind.toLowerCase(), mixedCase);
  check(childPath(path, "listKind"), listKind, listKind.toLowerCase(), mixedCase);
  for (const [index, name] of shortNames.entries()) check(indexPath(childPath(path, "shortNames"), index), name, name);
  if (kind !== "" && kind === listKind) {
    errors.push(invalid(childPath(path, "listKind"), listKind, "kind and listKind may not be the same"));
  }
  for (const [index, name] of categories.entries()) check(indexPath(childPath(path, "categories"), index), name, name);
  return errors;
}
