/** Requests that are wrong, and what the API server says to each; the texts are Kubernetes'. */
import type { OutgoingHttpHeaders } from "node:http";

export interface BadRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: OutgoingHttpHeaders;
}

/** reason, field, message */
export type Cause = readonly [reason: string, field: string, message: string];

export interface Refusal {
  readonly status: number;
  readonly reason: string;
  /** The whole of it. For a 422 only what stands before the causes: 'ConfigMap "x" is invalid'. */
  readonly message: string | RegExp;
  readonly causes?: readonly Cause[];
}

export interface BadCase {
  readonly title: string;
  readonly request: BadRequest;
  readonly refusal: Refusal;
}

const CORE = "/api/v1/namespaces/default";
export const PATHS = {
  configMaps: `${CORE}/configmaps`,
  pods: `${CORE}/pods`,
  services: `${CORE}/services`,
  secrets: `${CORE}/secrets`,
  nodes: "/api/v1/nodes",
  deployments: "/apis/apps/v1/namespaces/default/deployments",
  statefulSets: "/apis/apps/v1/namespaces/default/statefulsets",
  jobs: "/apis/batch/v1/namespaces/default/jobs",
  networkPolicies: "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
  roleBindings: "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
  endpointSlices: "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
} as const;

export const badRequest = (message: string | RegExp): Refusal => ({ status: 400, reason: "BadRequest", message });
export const invalidObject = (what: string, ...causes: readonly Cause[]): Refusal => ({
  status: 422,
  reason: "Invalid",
  message: `${what} is invalid`,
  causes,
});
export const invalid = (field: string, message: string): Cause => [
  "FieldValueInvalid",
  field,
  `Invalid value: ${message}`,
];
export const required = (field: string, detail = ""): Cause => [
  "FieldValueRequired",
  field,
  detail === "" ? "Required value" : `Required value: ${detail}`,
];
export const forbidden = (field: string, detail: string): Cause => [
  "FieldValueForbidden",
  field,
  `Forbidden: ${detail}`,
];
export const unsupported = (field: string, value: string, ...supported: readonly string[]): Cause => [
  "FieldValueNotSupported",
  field,
  `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.map((one) => JSON.stringify(one)).join(", ")}`,
];

export const post = (path: string, body: unknown, headers: OutgoingHttpHeaders = {}): BadRequest => ({
  method: "POST",
  path,
  body,
  headers,
});

export const configMap = (metadata: object = {}, members: object = {}) => ({
  metadata: { name: "x", ...metadata },
  ...members,
});
export const pod = (spec: object = {}) => ({
  metadata: { name: "x" },
  spec: { containers: [{ name: "c", image: "i" }], ...spec },
});
export const container = (members: object) => pod({ containers: [{ name: "c", image: "i", ...members }] });
export const service = (spec: object = {}) => ({ metadata: { name: "x" }, spec: { ports: [{ port: 80 }], ...spec } });
export const deployment = (spec: object = {}) => ({
  metadata: { name: "x" },
  spec: {
    selector: { matchLabels: { a: "b" } },
    template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
    ...spec,
  },
});
export const networkPolicy = (spec: object) => ({ metadata: { name: "x" }, spec: { podSelector: {}, ...spec } });

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS_1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const NAME_PART =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

export const WORDS = { SUBDOMAIN, LABEL, DNS_1035, LABEL_VALUE, NAME_PART } as const;
