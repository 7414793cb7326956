/**
 * A version of a CustomResourceDefinition as a kind that the API server can serve. What is compiled from the schema is
 * compiled with the first object, so that a cluster with many definitions starts at once.
 */
import type { FieldError } from "#api/field-error.ts";
import { type CheckEmbedded, compileEmbeddedChecks } from "#api/json-schema/check-embedded.ts";
import { type CheckLists, compileListChecks } from "#api/json-schema/check-lists.ts";
import { compileDefaults } from "#api/json-schema/fill-defaults.ts";
import type { JsonSchemaProps } from "#api/json-schema/json-schema-props.ts";
import { pruneUnknown } from "#api/json-schema/prune-unknown.ts";
import { compileValidator, validateJson } from "#api/json-schema/validate-json.ts";
import {
  ALL_VERBS,
  type CustomRules,
  type FieldReader,
  type Kind,
  type KubeObject,
  type ScalePaths,
} from "#api/kind.ts";
import type { DefinitionNames } from "#api/kinds/custom-resource-definition/definition-names.ts";
import type { CustomResourceDefinition } from "#api/kinds/custom-resource-definition/definition-spec.ts";
import type { DefinitionVersion } from "#api/kinds/custom-resource-definition/definition-version.ts";
import type { JsonObject } from "#base/json.ts";
import { asJson } from "../resources/stored-object.ts";
import { checkScaleFields } from "./check-scale.ts";
import { deprecationOf } from "./deprecation.ts";
import { parseJsonPath, valuesAt } from "./json-path.ts";
import { mergeSchema } from "./merge-schema.ts";
import { openApiOfKind } from "./open-api-of-kind.ts";
import { printerColumns } from "./printer-columns.ts";

export interface CustomKindOptions {
  readonly definition: CustomResourceDefinition;
  readonly version: DefinitionVersion;
  /** Those that are accepted. */
  readonly names: DefinitionNames;
}

export function createCustomKind({ definition, version, names }: CustomKindOptions): Kind {
  const { spec, metadata } = definition;
  const { group } = spec;
  const { name = "", schema: declared, subresources, additionalPrinterColumns } = version;
  const { kind = "", plural = "", singular = "", listKind, shortNames = [], categories = [] } = names;
  const schema: JsonSchemaProps = declared?.openAPIV3Schema ?? {
    type: "object",
    "x-kubernetes-preserve-unknown-fields": true,
  };
  const scale = scaleOf(version);
  const deprecation = deprecationOf(spec, version);
  return {
    group,
    version: name,
    kind,
    plural,
    singular,
    shortNames,
    categories,
    isNamespaced: spec.scope === "Namespaced",
    ...(listKind !== undefined && { listKind }),
    ...(deprecation !== undefined && { deprecation }),
    verbs: ALL_VERBS,
    hasStatus: subresources?.status !== undefined,
    ...(scale !== undefined && { scale }),
    subresources: [],
    isCustom: true,
    warnings: finalizerWarnings,
    columns: printerColumns(additionalPrinterColumns),
    fieldSelectors: fieldSelectors(version),
    // Objects of custom kinds have no type beyond what all have.
    schema: mergeSchema(schema, `${group.split(".").reverse().join(".")}.${name}.${kind}`) as Kind["schema"],
    custom: customRules(schema, scale, {
      storageVersion: storageVersionOf(definition),
      isTerminating: metadata.deletionTimestamp !== undefined,
    }),
  };
}

export function storageVersionOf({ spec }: CustomResourceDefinition): string {
  return spec.versions.find(({ storage }) => storage === true)?.name ?? "";
}

function customRules(
  schema: JsonSchemaProps,
  scale: ScalePaths | undefined,
  flags: Pick<CustomRules, "storageVersion" | "isTerminating">,
): CustomRules {
  const complete = once(() => compileDefaults(schema));
  const check = once(() => compileChecks(schema, scale));
  return {
    ...flags,
    prune: (object) => pruneUnknown(schema, object, true),
    // Objects stay objects.
    complete: (object) => complete()(object) as JsonObject,
    check: (object) => check()(object),
    openApi: openApiOfKind(schema),
  };
}

function compileChecks(
  schema: JsonSchemaProps,
  scale: ScalePaths | undefined,
): (object: JsonObject) => readonly FieldError[] {
  const validate = compileValidator(schema);
  const others = [compileEmbeddedChecks(schema), compileListChecks(schema)].filter(
    (check): check is CheckEmbedded | CheckLists => check !== undefined,
  );
  return (object) => {
    const errors = [...validateJson(validate, object), ...(scale === undefined ? [] : checkScaleFields(object, scale))];
    for (const check of others) check(object, [], errors);
    return errors;
  };
}

const STANDARD_FINALIZERS: readonly string[] = ["orphan", "foregroundDeletion", "kubernetes"];

function finalizerWarnings({ metadata }: KubeObject, old: KubeObject | undefined): readonly string[] {
  const known = [...STANDARD_FINALIZERS, ...(old?.metadata.finalizers ?? [])];
  const loose = (metadata.finalizers ?? []).filter((name) => !name.includes("/") && !known.includes(name));
  return loose.map((name) => {
    const how = name.includes(".") ? " including a path (/)" : "";
    const why = `prefer a domain-qualified finalizer name${how} to avoid accidental conflicts with other finalizer writers`;
    return `metadata.finalizers: ${JSON.stringify(name)}: ${why}`;
  });
}

/** Paths in definitions begin with a dot. */
function scaleOf({ subresources }: DefinitionVersion): ScalePaths | undefined {
  const scale = subresources?.scale;
  if (scale === undefined) return undefined;
  const { specReplicasPath = "", statusReplicasPath = "", labelSelectorPath = "" } = scale;
  return {
    specReplicas: specReplicasPath.slice(1),
    statusReplicas: statusReplicasPath.slice(1),
    selector: labelSelectorPath.slice(1),
  };
}

function fieldSelectors({ selectableFields = [] }: DefinitionVersion): Kind["fieldSelectors"] {
  const readers = selectableFields.flatMap(
    ({ jsonPath = "" }): readonly (readonly [string, FieldReader<KubeObject>])[] => {
      const path = parseJsonPath(jsonPath);
      if (path === undefined) return [];
      return [[jsonPath.slice(1), (object) => String(valuesAt(path, asJson(object))[0] ?? "")]];
    },
  );
  return Object.fromEntries(readers);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
