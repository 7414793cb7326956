/** What the tables of wrong requests share: requests of each method, and refusals that several of them get. */
import { type BadCase, type BadRequest, badRequest, invalidObject, PATHS, post, type Refusal } from "./bad-input.ts";

export type Row = readonly [title: string, request: BadRequest, refusal: Refusal];

export const titled = (group: string, rows: readonly Row[]): readonly BadCase[] =>
  rows.map(([title, request, refusal]) => ({ title: `${group}: ${title}`, request, refusal }));

export const THERE = `${PATHS.configMaps}/there`;

export const get = (path: string, headers = {}): BadRequest => ({ method: "GET", path, headers });
export const list = (query: string): BadRequest => get(`${PATHS.configMaps}?${query}`);
export const put = (body: unknown): BadRequest => ({ method: "PUT", path: THERE, body });
export const remove = (query: string, body?: unknown): BadRequest => ({ method: "DELETE", path: THERE + query, body });
export const typed = (body: unknown, type: string): BadRequest =>
  post(PATHS.configMaps, body, { "content-type": type });
export const patch = (type: string, body: unknown, path = THERE): BadRequest => ({
  method: "PATCH",
  path,
  body,
  headers: { "content-type": `application/${type}` },
});
export const json = (body: unknown, path?: string) => patch("json-patch+json", body, path);
export const merge = (body: unknown, path?: string) => patch("merge-patch+json", body, path);
export const strategic = (body: unknown, path?: string) => patch("strategic-merge-patch+json", body, path);
export const apply = (body: unknown, query = "?fieldManager=m") => patch("apply-patch+yaml", body, THERE + query);
export const applied = (members: object, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "there", ...metadata },
  ...members,
});

export const refused = (status: number, reason: string, message: string | RegExp): Refusal => ({
  status,
  reason,
  message,
});
export const notFound = (what = ""): Refusal =>
  refused(404, "NotFound", what === "" ? "the server could not find the requested resource" : `${what} not found`);
export const NOT_ALLOWED = refused(
  405,
  "MethodNotAllowed",
  "the server does not allow this method on the requested resource",
);
export const TOO_LARGE = refused(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728");
export const unknownFormat = (...types: readonly string[]): Refusal =>
  refused(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${types.join(", ")}`,
  );
export const OBJECTS = unknownFormat("application/json", "application/yaml", "application/vnd.kubernetes.protobuf");
export const PATCHES = unknownFormat(
  ...["json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml"].map(
    (type) => `application/${type}`,
  ),
);
export const NOT_ACCEPTABLE = refused(
  406,
  "NotAcceptable",
  "only the following media types are accepted: application/json, application/yaml",
);
export const REJECTED = refused(422, "Invalid", "the server rejected our request due to an error in our request");
export const MODIFIED = refused(
  409,
  "Conflict",
  'Operation cannot be fulfilled on configmaps "there": the object has been modified; please apply your changes to the latest version and try again',
);
export const PARSE = "couldn't get version/kind; json parse error";
export const unrecognized = (shown: string): Refusal =>
  badRequest(
    new RegExp(
      `^the object provided is unrecognized \\(must be of type ConfigMap\\): ${PARSE}: .*\\(${shown}\\)$`,
      "s",
    ),
  );
export const options = (kind: string, ...causes: Parameters<typeof invalidObject>[1][]) =>
  invalidObject(`${kind}.meta.k8s.io ""`, ...causes);
