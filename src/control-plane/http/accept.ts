/**
 * Content negotiation: in which form an answer goes out. Always JSON or YAML; who accepts nothing but protobuf gets
 * 406. Source: Kubernetes documentation, "Kubernetes API Concepts" (alternate representations, receiving resources as
 * tables); RFC 9110 section 12.5.1 (Accept).
 */
import { ApiError } from "#api/api-error.ts";

export interface MediaRange {
  /** "application/json", in lower case. */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** `version` is that of meta.k8s.io. */
export type Representation =
  | { readonly type: "object" }
  | { readonly type: "table"; readonly version: "v1" | "v1beta1" }
  | { readonly type: "metadata"; readonly version: "v1" | "v1beta1" };

export interface Negotiated {
  readonly format: "json" | "yaml";
  readonly representation: Representation;
}

const AS_OBJECT: Representation = { type: "object" };
const PLAIN: Negotiated = { format: "json", representation: AS_OBJECT };

/** Best first. */
export function parseAccept(header: string): readonly MediaRange[] {
  const ranges = header.split(",").flatMap((text) => {
    const [type = "", ...rest] = text.split(";").map((part) => part.trim());
    if (type === "") return [];
    const parameters = new Map(
      rest.map((part): [string, string] => {
        const [key = "", value = ""] = part.split("=", 2);
        return [key.trim().toLowerCase(), value.trim()];
      }),
    );
    return [{ type: type.toLowerCase(), parameters, quality: qualityOf(parameters.get("q")) }];
  });
  // Sorting is stable: equals stay in the client's order.
  return ranges.filter(({ quality }) => quality > 0).sort((a, b) => b.quality - a.quality);
}

function qualityOf(text: string | undefined): number {
  const quality = text === undefined ? 1 : Number(text);
  return Number.isNaN(quality) ? 1 : quality;
}

const FORMATS: ReadonlyMap<string, Negotiated["format"]> = new Map([
  ["application/json", "json"],
  ["application/*", "json"],
  ["*/*", "json"],
  ["application/yaml", "yaml"],
]);

const negotiated = new Map<string, Negotiated>();
const REMEMBERED = 100;

/** Clients send few different headers, so that each is read once. */
export function negotiate(header: string | undefined): Negotiated {
  if (header === undefined || header === "") return PLAIN;
  const known = negotiated.get(header);
  if (known !== undefined) return known;
  const result = choose(parseAccept(header));
  if (negotiated.size < REMEMBERED) negotiated.set(header, result);
  return result;
}

function choose(ranges: readonly MediaRange[]): Negotiated {
  for (const { type, parameters } of ranges) {
    const format = FORMATS.get(type);
    const representation = format === undefined ? undefined : representationOf(parameters);
    if (format !== undefined && representation !== undefined) return { format, representation };
  }
  throw notAcceptableError(["application/json", "application/yaml"]);
}

export function notAcceptableError(accepted: readonly string[]): ApiError {
  return new ApiError({
    code: 406,
    reason: "NotAcceptable",
    message: `only the following media types are accepted: ${accepted.join(", ")}`,
  });
}

/** undefined for a form that the server does not have. */
function representationOf(parameters: ReadonlyMap<string, string>): Representation | undefined {
  const as = parameters.get("as");
  if (as === undefined) return AS_OBJECT;
  const version = parameters.get("v");
  if (parameters.get("g") !== "meta.k8s.io" || (version !== "v1" && version !== "v1beta1")) return undefined;
  if (as === "Table") return { type: "table", version };
  return as === "PartialObjectMetadata" || as === "PartialObjectMetadataList"
    ? { type: "metadata", version }
    : undefined;
}
