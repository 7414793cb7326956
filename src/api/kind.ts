/**
 * A kind of object, in one value: its names, its schema, how it is printed and what holds beyond single fields.
 * The API server, kubectl's tables, discovery, OpenAPI and clients all read it; a new kind is one such declaration.
 */
import type { JsonObject } from "#base/json.ts";
import type { FieldError } from "./field-error.ts";
import { type ObjectMeta, objectMeta } from "./meta/object-meta.ts";
import { type Fields, field, type ObjectSchema, type ObjectValue, object, string } from "./schema/schema.ts";

/** What generic code knows of an object. Typed code uses the kind's own type. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [member: string]: unknown;
}

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

/** One column of `kubectl get`. */
export interface Column<O> {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean" | "number" | "date";
  /** "name" marks the column with the object's name. */
  readonly format?: "name";
  readonly doc: string;
  /** 0: always shown; 1: with -o wide. */
  readonly priority: 0 | 1;
  /** null: there is nothing to show. */
  cell(object: O, now: Date): string | number | boolean | null;
}

/**
 * A path below the object, such as pods/log. `kind`: what is written to it when that is not the object itself;
 * `connect` marks the ones that are proxied to the kubelet.
 */
export interface Subresource {
  readonly name: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly verbs: readonly Verb[];
}

/** Where `spec.replicas` and its like are, for the scale subresource. Dotted paths: "spec.replicas". */
export interface ScalePaths {
  readonly specReplicas: string;
  readonly statusReplicas: string;
  /** Gives the selector as text ("app=web"), for autoscalers. */
  readonly selector: string;
}

/** What holds for a kind beyond its schema. Objects are frozen: return a changed copy. */
export interface KindRules<O> {
  /** Default: a DNS subdomain. Says what is wrong with a name. */
  checkName?(name: string): readonly string[];
  /** On create, after defaults: sets what only the server may set, drops what a client may not. */
  prepareForCreate?(object: O): O;
  /** On update of the object itself (not of its status), after defaults. */
  prepareForUpdate?(object: O, old: O): O;
  /** On the first request to delete: what keeps the object until something is done. */
  prepareForDelete?(object: O, now: Date): O;
  /** What the client should know of an object that is accepted; `old` undefined: on create. */
  warnings?(object: O, old: O | undefined): readonly string[];
  /** Beyond single fields: field paths as "spec.ports[0].port". */
  validate?(object: O): readonly FieldError[];
  /** Additional to `validate` and to fields marked immutable. `subresource` is "" or "status". */
  validateUpdate?(object: O, old: O, subresource: string): readonly FieldError[];
}

/**
 * For kinds whose fields are declared at run time, by a JSON schema: how objects are read, completed and checked,
 * while the kind's `schema` only says how they merge. All three share with the given object what they do not change.
 */
export interface CustomRules {
  /** The version that objects are stored in; all versions of the kind have the same objects. */
  readonly storageVersion: string;
  /** The declaration is being deleted: nothing new is created. */
  readonly isTerminating: boolean;
  /** The object without unknown members, and their paths ("spec.bogus"); metadata stays as it is. */
  prune(object: JsonObject): { readonly value: JsonObject; readonly unknown: readonly string[] };
  complete(object: JsonObject): JsonObject;
  /** Additional to the rules of metadata. */
  check(object: JsonObject): readonly FieldError[];
  /** The schema as the OpenAPI document has it. */
  readonly openApi: JsonObject;
}

export interface KindNames {
  /** "" is the core group. */
  readonly group: string;
  readonly version: string;
  /** "ConfigMap". */
  readonly kind: string;
  /** "configmaps". */
  readonly plural: string;
  /** "configmap". */
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** "all" for what `kubectl get all` lists. */
  readonly categories: readonly string[];
  readonly isNamespaced: boolean;
}

export interface Kind<O = KubeObject> extends KindNames, KindRules<O> {
  readonly schema: ObjectSchema<O>;
  /** What the kind can do; ["create"] alone for reviews, which are answered and never stored. */
  readonly verbs: readonly Verb[];
  /** Spec and status are written separately: `…/status` writes only status, the object's path never does. */
  readonly hasStatus: boolean;
  readonly scale?: ScalePaths;
  readonly subresources: readonly Subresource[];
  /** Declared by a CustomResourceDefinition: there are no strategic merge patches for it. */
  readonly isCustom?: boolean;
  readonly custom?: CustomRules;
  /** Default: the kind's name and "List". */
  readonly listKind?: string;
  /** What clients that use this version are warned with. */
  readonly deprecation?: string;
  /** Without Age and Name columns kubectl prints these as they stand. */
  readonly columns: readonly Column<O>[];
  /** Field selectors beyond metadata.name and metadata.namespace: label to value. */
  readonly fieldSelectors: Readonly<Record<string, FieldReader<O>>>;
}

/** Gives a field as text. Declared as a method, so that the kind of certain objects is also a kind of any. */
export type FieldReader<O> = { read(object: O): string }["read"];

/** The type of a kind's objects: `type Pod = ObjectOf<typeof pod>`. */
export type ObjectOf<K> = K extends Kind<infer O> ? O : never;

export const ALL_VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"] as const;

/** What `defineKind` fills in. */
type Defaulted = "singular" | "shortNames" | "categories" | "isNamespaced" | "verbs" | "hasStatus" | "subresources";

export interface KindDeclaration<F extends Fields, O>
  extends Omit<Kind<O>, Defaulted | "schema" | "columns" | "fieldSelectors">,
    Partial<Pick<Kind<O>, Defaulted | "columns" | "fieldSelectors">> {
  readonly doc: string;
  /** All members but apiVersion, kind and metadata. */
  readonly fields: F;
  /** Default: `io.k8s.api.<group>.<version>.<Kind>`. */
  readonly schemaName?: string;
}

type Declared<F> = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
} & ObjectValue<F>;

export function defineKind<const F extends Fields>(declaration: KindDeclaration<F, Declared<F>>): Kind<Declared<F>> {
  const { doc, fields, schemaName, ...rest } = declaration;
  const { group, version, kind } = declaration;
  const schema = object(
    schemaName ?? `io.k8s.api.${group === "" ? "core" : group.split(".")[0]}.${version}.${kind}`,
    doc,
    {
      apiVersion: field(0, string, "Group and version of the kind."),
      kind: field(0, string, "Name of the kind."),
      metadata: field(1, objectMeta, "Name, labels and what the server keeps about the object."),
      ...fields,
    },
  );
  return {
    singular: kind.toLowerCase(),
    shortNames: [],
    categories: [],
    isNamespaced: true,
    verbs: ALL_VERBS,
    hasStatus: "status" in fields,
    subresources: [],
    columns: [],
    fieldSelectors: {},
    ...rest,
    // apiVersion, kind and metadata are always there once an object is read.
    schema: schema as ObjectSchema<Declared<F>>,
  };
}

/** "v1", "apps/v1". */
export function apiVersionOf({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === "" ? version : `${group}/${version}`;
}
