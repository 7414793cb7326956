/** What a test file says, before its policies are read and its patterns stand for pods. */
import type { Family } from "#base/ip-address.ts";
import type { Expectation, Labels, Source, TestNamespace, TestPod } from "../policy-test.ts";
import type { Located } from "./located-yaml.ts";
import type { EndpointPattern, PortWish } from "./parse-target.ts";

export const TEST_API_VERSION = "podwire.io/v1";
export const TEST_KIND = "PolicyTest";

/** Keys of the file and its parts; the JSON schema in docs has the same. */
export const FILE_KEYS = [
  "apiVersion",
  "kind",
  "name",
  "nodes",
  "ipFamilies",
  "defaultNamespace",
  "namespaces",
  "pods",
  "policies",
  "expectations",
] as const;
export const POD_KEYS = ["labels", "ports", "node"] as const;
export const EXPECTATION_KEYS = ["from", "to", "port", "protocol", "expect", "because"] as const;
export const ENDPOINT_KEYS = ["pod", "ip"] as const;

export const MAX_NODES = 20;
export const DEFAULT_NODES = 3;

export interface PolicyReference {
  /** A file, folder or pattern, from the test file's folder; `-` is the standard input. */
  readonly path: string;
  readonly source: Source;
  readonly field: string;
}

export interface ExpectationWish {
  readonly from: readonly EndpointPattern[];
  readonly to: readonly { readonly endpoint: EndpointPattern; readonly port?: PortWish | undefined }[];
  /** Empty: the ports of `to`, or all that the target pods declare. */
  readonly ports: readonly PortWish[];
  readonly expect: Expectation;
  readonly because?: string | undefined;
  readonly source: Source;
  readonly field: string;
}

export interface TestFile {
  readonly file: string;
  readonly name: string;
  readonly nodes: number;
  readonly families: readonly Family[];
  readonly defaultNamespace: string;
  readonly namespaces: readonly TestNamespace[];
  readonly pods: readonly (TestPod & { readonly source: Source })[];
  readonly references: readonly PolicyReference[];
  /** Manifests that stand in the file itself. */
  readonly inline: readonly Located[];
  readonly expectations: readonly ExpectationWish[];
}

/** Labels that Kubernetes itself gives to every namespace. */
export function namespaceLabels(name: string, labels: Labels): Labels {
  return { ...labels, "kubernetes.io/metadata.name": name };
}
