/** Source: Kubernetes API reference, core/v1 Secret; documentation, "Types of Secret". */
import { ageColumn, nameColumn } from "../columns.ts";
import { type FieldError, forbidden, invalid, keyPath, required, tooLong } from "../field-error.ts";
import { defineKind, type ObjectOf } from "../kind.ts";
import type { ObjectMeta } from "../meta/object-meta.ts";
import { checkConfigMapKey } from "../names.ts";
import { boolean, bytes, field, mapOf, type ObjectValue, string } from "../schema/schema.ts";

export type Secret = ObjectOf<typeof secret>;

const MAX_BYTES = 1024 * 1024;
const SERVICE_ACCOUNT_NAME = "kubernetes.io/service-account.name";

const fields = {
  data: field(2, mapOf(bytes, { checkKey: checkConfigMapKey }), "Values, in base64."),
  type: field(3, string, "What the values are for; some types need certain keys. It cannot change.", {
    default: "Opaque",
    immutable: true,
  }),
  stringData: field(4, mapOf(string), "Values as text, for writing only: they go to data and win over it."),
  immutable: field(5, boolean, "True: data can never change again.", { pointer: true }),
} as const;

/** As `Secret`, which cannot be used in what it is made of. */
interface SecretObject extends ObjectValue<typeof fields> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

export const secret = defineKind({
  group: "",
  version: "v1",
  kind: "Secret",
  plural: "secrets",
  doc: "Values for pods that must not be seen by everybody, such as passwords and keys.",
  fields,
  columns: [
    nameColumn,
    {
      name: "Type",
      type: "string",
      doc: "What the values are for.",
      priority: 0,
      cell: ({ type }) => type ?? "",
    },
    {
      name: "Data",
      type: "string",
      doc: "Number of keys.",
      priority: 0,
      cell: ({ data = {} }) => Object.keys(data).length,
    },
    ageColumn,
  ],
  fieldSelectors: { type: ({ type }) => type ?? "" },
  prepareForCreate: stringDataToData,
  prepareForUpdate: stringDataToData,
  validate(object): readonly FieldError[] {
    const sizes = Object.values(object.data ?? {}).map(decodedLength);
    return [
      ...(sizes.reduce((sum, size) => sum + size, 0) > MAX_BYTES ? [tooLong("data", MAX_BYTES)] : []),
      ...validateType(object),
    ];
  },
  validateUpdate(next, old): readonly FieldError[] {
    if (old.immutable !== true) return [];
    const why = "field is immutable when `immutable` is set";
    return [
      ...(next.immutable === true ? [] : [forbidden("immutable", why)]),
      ...(isSameData(next.data, old.data) ? [] : [forbidden("data", why)]),
    ];
  },
});

function validateType({ type, data = {}, metadata }: SecretObject): readonly FieldError[] {
  const missing = (...keys: readonly string[]) =>
    keys.filter((key) => data[key] === undefined).map((key) => required(keyPath("data", key)));
  switch (type) {
    case "kubernetes.io/service-account-token":
      return (metadata.annotations?.[SERVICE_ACCOUNT_NAME] ?? "") === ""
        ? [required(keyPath("metadata.annotations", SERVICE_ACCOUNT_NAME))]
        : [];
    case "kubernetes.io/dockercfg":
      return validateJson(data, ".dockercfg");
    case "kubernetes.io/dockerconfigjson":
      return validateJson(data, ".dockerconfigjson");
    case "kubernetes.io/basic-auth": {
      const problems = missing("username", "password");
      return problems.length === 2 ? problems : [];
    }
    case "kubernetes.io/ssh-auth":
      return (data["ssh-privatekey"] ?? "") === "" ? [required(keyPath("data", "ssh-privatekey"))] : [];
    case "kubernetes.io/tls":
      return missing("tls.crt", "tls.key");
    default:
      return [];
  }
}

/** The content itself is not shown: it is a secret. */
function validateJson(data: Readonly<Record<string, string>>, key: string): readonly FieldError[] {
  const value = data[key];
  if (value === undefined) return [required(keyPath("data", key))];
  try {
    const parsed: unknown = JSON.parse(fromBase64(value));
    if (parsed === null || (typeof parsed === "object" && !Array.isArray(parsed))) return [];
    return [invalid(keyPath("data", key), "<secret contents redacted>", "json: cannot unmarshal into an object")];
  } catch {
    return [invalid(keyPath("data", key), "<secret contents redacted>", "invalid JSON")];
  }
}

function stringDataToData(object: SecretObject): SecretObject {
  if (object.stringData === undefined) return object;
  const { stringData, ...rest } = object;
  const added = Object.entries(stringData).map(([key, text]) => [key, toBase64(text)] as const);
  return { ...rest, data: { ...rest.data, ...Object.fromEntries(added) } };
}

function isSameData(one: SecretObject["data"] = {}, other: SecretObject["data"] = {}): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}

function toBase64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}

function fromBase64(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
}

function decodedLength(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return Math.floor((base64.length * 3) / 4) - padding;
}
