/**
 * From a body's bytes to a JSON value, by content type: JSON (also when nothing is said), YAML, or Kubernetes'
 * protobuf. What the object means is looked at later. Source: Kubernetes documentation, "Kubernetes API Concepts".
 */
import { ApiError, badRequestError, isApiError } from "#api/api-error.ts";
import { type ParsedJson, parseJson } from "#api/schema/parse-json.ts";
import { decodeProtobufObject, PROTOBUF_MEDIA_TYPE } from "#api/schema/protobuf-decode.ts";
import type { PatchBody } from "../resources/resource-api.ts";
import { parseYaml } from "./parse-yaml.ts";

/** With what is to be said of members that are there twice: only the text shows them. */
export type DecodedBody = ParsedJson;

export type FindKind = Parameters<typeof decodeProtobufObject>[0];

const OBJECT_TYPES = ["application/json", "application/yaml", PROTOBUF_MEDIA_TYPE] as const;

const PATCH_TYPES: ReadonlyMap<string, PatchBody["type"]> = new Map([
  ["application/json-patch+json", "json"],
  ["application/merge-patch+json", "merge"],
  ["application/strategic-merge-patch+json", "strategic"],
  ["application/apply-patch+yaml", "apply"],
]);

/** Throws ApiError 415 or 400. */
export async function decodeBody(bytes: Buffer, contentType: string, findKind: FindKind): Promise<DecodedBody> {
  switch (mediaTypeOf(contentType)) {
    case "":
    case "application/json":
      return parseJson(bytes.toString());
    case "application/yaml":
      return await parseYaml(bytes.toString());
    case PROTOBUF_MEDIA_TYPE:
      return { value: decodeProtobufObject(findKind, bytes), duplicates: [] };
    default:
      throw unsupportedMediaTypeError(OBJECT_TYPES);
  }
}

/** Throws ApiError 415. */
export function patchTypeOf(contentType: string): PatchBody["type"] {
  const type = PATCH_TYPES.get(mediaTypeOf(contentType));
  if (type === undefined) throw unsupportedMediaTypeError([...PATCH_TYPES.keys()]);
  return type;
}

/** Throws ApiError 400. */
export async function decodePatch(bytes: Buffer, type: PatchBody["type"]): Promise<DecodedBody> {
  const text = bytes.toString();
  return type === "apply" ? await parseApplied(text) : parseJson(text);
}

async function parseApplied(text: string): Promise<ParsedJson> {
  try {
    return await parseYaml(text);
  } catch (error) {
    throw isApiError(error, "BadRequest") ? badRequestError(`error decoding YAML: ${error.message}`, error) : error;
  }
}

function mediaTypeOf(contentType: string): string {
  if (contentType === "") return "";
  const [type = ""] = contentType.split(";", 1);
  // A header that names no type is not the same as none.
  return type.trim().toLowerCase() || "unknown";
}

function unsupportedMediaTypeError(accepted: readonly string[]): ApiError {
  return new ApiError({
    code: 415,
    reason: "UnsupportedMediaType",
    message: `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  });
}
