/**
 * What a client wants of a deletion: from the body (DeleteOptions), or from the query when there is no body.
 * Source: Kubernetes API reference, meta/v1 DeleteOptions.
 */
import { badRequestError } from "#api/api-error.ts";
import { type FieldError, invalid, notSupported } from "#api/field-error.ts";
import { deleteOptions, type DeleteOptions as Fields } from "#api/meta/delete-options.ts";
import { decodeValue } from "#api/schema/decode.ts";
import { isJsonObject, type JsonValue } from "#base/json.ts";
import type { DeleteOptions } from "../resources/resource-api.ts";
import { checkDryRun, integer, throwInvalid } from "./query-options.ts";
import { isTrue } from "./request-info.ts";

export interface ParsedDeleteOptions {
  readonly options: DeleteOptions;
  readonly isDryRun: boolean;
}

const POLICIES: readonly string[] = ["Background", "Foreground", "Orphan"];
const NAME = "DeleteOptions";

/** `body` undefined: none was sent. Throws ApiError 400 and 422. */
export function parseDeleteOptions(body: JsonValue | undefined, query: URLSearchParams): ParsedDeleteOptions {
  const fields = body === undefined ? fromQuery(query) : decodeValue(deleteOptions, checkKind(body)).value;
  const { gracePeriodSeconds, propagationPolicy, orphanDependents, preconditions, dryRun = [] } = fields;
  throwInvalid(NAME, checkFields(fields));
  const implied = orphanDependents === undefined ? undefined : orphanDependents ? "Orphan" : "Background";
  const policy = propagationPolicy ?? implied;
  return {
    isDryRun: dryRun.length > 0,
    options: {
      ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
      ...(policy !== undefined && { propagationPolicy: policy }),
      ...(preconditions !== undefined && { preconditions: definedOnly(preconditions) }),
    },
  };
}

function checkKind(body: JsonValue): JsonValue {
  const kind = isJsonObject(body) ? (body["kind"] ?? NAME) : NAME;
  if (kind === NAME || kind === "") return body;
  throw badRequestError(`decoded object cannot be converted to DeleteOptions: kind is ${JSON.stringify(kind)}`);
}

function fromQuery(query: URLSearchParams): Fields {
  const gracePeriodSeconds = integer(query, "gracePeriodSeconds");
  const orphans = query.get("orphanDependents");
  const policy = query.get("propagationPolicy");
  return {
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(orphans !== null && { orphanDependents: isTrue(orphans) }),
    // Whether it is a policy is checked with the other fields.
    ...(policy !== null && { propagationPolicy: policy as Fields["propagationPolicy"] }),
    dryRun: query.getAll("dryRun"),
  };
}

function checkFields(fields: Fields): readonly FieldError[] {
  const { gracePeriodSeconds: seconds = 0, propagationPolicy: policy, orphanDependents, dryRun = [] } = fields;
  return [
    ...(policy !== undefined && !POLICIES.includes(policy)
      ? [notSupported("propagationPolicy", policy, POLICIES)]
      : []),
    ...(policy !== undefined && orphanDependents !== undefined
      ? [invalid("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set")]
      : []),
    ...(seconds < 0 ? [invalid("gracePeriodSeconds", seconds, "must be greater than or equal to 0")] : []),
    ...checkDryRun(dryRun),
  ];
}

function definedOnly({ uid, resourceVersion }: NonNullable<Fields["preconditions"]>) {
  return { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) };
}
