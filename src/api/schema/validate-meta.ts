/**
 * The rules of metadata: names, labels, annotations, owners, finalizers; and what an update may not change.
 * Paths, texts and their order are those of Kubernetes. Source: k8s.io/apimachinery, api/validation.
 */
import type { JsonObject } from "#base/json.ts";
import { childPath, type FieldError, forbidden, indexPath, invalid, required, tooLong } from "../field-error.ts";
import type { Kind } from "../kind.ts";
import type { ObjectMeta, OwnerReference } from "../meta/object-meta.ts";
import { checkDnsLabel, checkDnsSubdomain, checkLabelValue, checkQualifiedName } from "../names.ts";

/** Of all annotations of an object, keys and values in UTF-8. */
export const ANNOTATIONS_MAX_BYTES = 256 * 1024;
const BYTES_PER_CHARACTER_MAX = 3;
const FOREGROUND = "foregroundDeletion";
const ORPHAN = "orphan";
const STANDARD_FINALIZERS = new Set(["kubernetes", ORPHAN, FOREGROUND]);

/** On create and on update. Objects that are answered and never stored (reviews) need no name. */
export function validateObjectMeta(
  kind: Pick<Kind, "checkName" | "isNamespaced" | "verbs"> & Partial<Pick<Kind, "isCustom" | "group">>,
  meta: ObjectMeta,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (kind.verbs.includes("get")) {
    errors.push(...validateName(kind.checkName ?? checkDnsSubdomain, meta));
    errors.push(...validateNamespace(kind.isNamespaced, meta.namespace ?? ""));
  }
  if ((meta.generation ?? 0) < 0) {
    errors.push(invalid("metadata.generation", meta.generation, "must be greater than or equal to 0"));
  }
  errors.push(...validateLabels(meta.labels ?? {}, "metadata.labels"));
  errors.push(...validateAnnotations(meta.annotations ?? {}, "metadata.annotations"));
  errors.push(...validateOwnerReferences(meta.ownerReferences ?? []));
  errors.push(...validateFinalizers(kind, meta.finalizers ?? []));
  return errors;
}

/** Metadata inside a template: its paths leave "metadata" out. */
export function validateTemplateMeta(meta: JsonObject, path: string): readonly FieldError[] {
  // Decoded with the schema of ObjectMeta.
  const { labels = {}, annotations = {} } = meta as ObjectMeta;
  return [
    ...validateLabels(labels, childPath(path, "labels")),
    ...validateAnnotations(annotations, childPath(path, "annotations")),
  ];
}

/** In addition to `validateObjectMeta`. Members that are absent are kept by the server. */
export function validateObjectMetaUpdate(next: ObjectMeta, old: ObjectMeta): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp !== undefined) {
    const added = (next.finalizers ?? []).filter((name) => !(old.finalizers ?? []).includes(name));
    if (added.length > 0) {
      const names = added.map((name) => JSON.stringify(name)).join(", ");
      const why = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${names}}`;
      errors.push(forbidden("metadata.finalizers", why));
    }
  }
  if (next.generation !== undefined && next.generation < (old.generation ?? 0)) {
    errors.push(invalid("metadata.generation", next.generation, "must not be decremented"));
  }
  for (const name of ["name", "namespace", "uid", "creationTimestamp"] as const) {
    if (next[name] !== undefined && next[name] !== old[name]) errors.push(immutable(name, next[name]));
  }
  // When deletion has begun, the server keeps these as they are, whatever a client sends.
  for (const name of ["deletionTimestamp", "deletionGracePeriodSeconds"] as const) {
    if (old.deletionTimestamp === undefined && next[name] !== undefined && next[name] !== old[name]) {
      errors.push(immutable(name, next[name]));
    }
  }
  return errors;
}

export const IMMUTABLE = "field is immutable";

function immutable(name: keyof ObjectMeta, value: unknown): FieldError {
  return invalid(childPath("metadata", name), value, IMMUTABLE);
}

function validateName(check: (name: string) => readonly string[], meta: ObjectMeta): readonly FieldError[] {
  const { name = "", generateName = "" } = meta;
  const problems = generateName === "" ? [] : check(withoutDash(generateName));
  const errors = problems.map((problem) => invalid("metadata.generateName", generateName, problem));
  if (name === "") return [...errors, required("metadata.name", "name or generateName is required")];
  return [...errors, ...check(name).map((problem) => invalid("metadata.name", name, problem))];
}

/** A prefix may end in a dash: the name that is made from it does not. */
function withoutDash(prefix: string): string {
  return prefix.length > 1 && prefix.endsWith("-") ? `${prefix.slice(0, -2)}a` : prefix;
}

function validateNamespace(isNamespaced: boolean, namespace: string): readonly FieldError[] {
  const path = "metadata.namespace";
  if (!isNamespaced) return namespace === "" ? [] : [forbidden(path, "not allowed on this type")];
  if (namespace === "") return [required(path)];
  return checkDnsLabel(namespace).map((problem) => invalid(path, namespace, problem));
}

export function validateLabels(labels: Readonly<Record<string, string>>, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    const value = labels[key] ?? "";
    for (const problem of checkQualifiedName(key)) errors.push(invalid(path, key, problem));
    for (const problem of checkLabelValue(value)) errors.push(invalid(path, value, problem));
  }
  return errors;
}

function validateAnnotations(annotations: Readonly<Record<string, string>>, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  let text = 0;
  for (const key in annotations) {
    // Unlike labels, keys of annotations may have upper case anywhere.
    for (const problem of checkQualifiedName(key.toLowerCase())) errors.push(invalid(path, key, problem));
    text += key.length + (annotations[key] ?? "").length;
  }
  if (text * BYTES_PER_CHARACTER_MAX > ANNOTATIONS_MAX_BYTES) {
    let bytes = 0;
    for (const key in annotations) bytes += Buffer.byteLength(key) + Buffer.byteLength(annotations[key] ?? "");
    if (bytes > ANNOTATIONS_MAX_BYTES) errors.push(tooLong(path, ANNOTATIONS_MAX_BYTES));
  }
  return errors;
}

function validateOwnerReferences(references: readonly OwnerReference[]): readonly FieldError[] {
  const path = "metadata.ownerReferences";
  const errors: FieldError[] = [];
  for (const reference of references) {
    const version = reference.apiVersion?.split("/").at(-1) ?? "";
    if (version === "") {
      errors.push(invalid(childPath(path, "apiVersion"), reference.apiVersion ?? "", "version must not be empty"));
    }
    for (const name of ["kind", "name", "uid"] as const) {
      if ((reference[name] ?? "") === "") errors.push(invalid(childPath(path, name), "", "must not be empty"));
    }
    if (reference.apiVersion === "v1" && reference.kind === "Event") {
      errors.push(invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner"));
    }
  }
  const [first, ...others] = references.filter(({ controller }) => controller === true);
  for (const other of others) {
    const names = `${first?.kind}/${first?.name} and ${other.kind}/${other.name}`;
    const why = `Only one reference can have Controller set to true. Found "true" in references for ${names}`;
    errors.push(invalid(path, references, why));
  }
  return errors;
}

/** Custom kinds and their definitions may have finalizers of any name. */
function validateFinalizers(
  { isCustom, group }: Partial<Pick<Kind, "isCustom" | "group">>,
  finalizers: readonly string[],
): readonly FieldError[] {
  const path = "metadata.finalizers";
  const errors = finalizers.flatMap((name) => checkQualifiedName(name).map((problem) => invalid(path, name, problem)));
  if (finalizers.includes(ORPHAN) && finalizers.includes(FOREGROUND)) {
    errors.push(invalid(path, finalizers, `finalizer ${ORPHAN} and ${FOREGROUND} cannot be both set`));
  }
  if (isCustom === true || group === "apiextensions.k8s.io") return errors;
  for (const [index, name] of finalizers.entries()) {
    if (name.includes("/") || STANDARD_FINALIZERS.has(name)) continue;
    const why = "name is neither a standard finalizer name nor is it fully qualified";
    errors.push(invalid(indexPath(path, index), name, why));
  }
  return errors;
}
