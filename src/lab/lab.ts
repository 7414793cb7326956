/**
 * A lab: an exercise in steps on a running cluster. What counts is what is in the kernel and at the API afterwards, not
 * which command brought it there; so each step has a check, and a solution that the tests run.
 */
import type { ApiClient } from "#api-client/api-client.ts";
import type { ClusterAccess } from "#trace/cluster-access.ts";

export interface LabWorld {
  /** With all rights. */
  readonly client: ApiClient;
  /** As it is now: asked anew at each call. */
  access(signal: AbortSignal): Promise<ClusterAccess>;
  /** Path of a node's file on this machine. */
  nodeFile(node: string, path: string): string;
}

export type Finding =
  /** What was seen, a line each. */
  | { readonly done: true; readonly evidence: readonly string[] }
  /** What is missing, as a sentence, with what was seen instead. */
  | { readonly done: false; readonly missing: string };

export interface LabStep {
  readonly title: string;
  /** What to do and what it shows. Paragraphs; lines that begin with two spaces are commands. */
  readonly text: string;
  check(world: LabWorld, signal: AbortSignal): Promise<Finding>;
  /** A way to do it, as lines for `sh -eu`, with KUBECONFIG set and kubectl and podwire in PATH. */
  readonly solution: string;
}

export interface Lab {
  readonly name: string;
  readonly title: string;
  /** One sentence for the list. */
  readonly summary: string;
  /** What has to be there, or broken, before the first step. Lines for `sh -eu`; may be run again. */
  readonly prepare?: string;
  readonly steps: readonly LabStep[];
  /** Takes away what the lab has made, from any state. Lines for `sh -u`. */
  readonly cleanup: string;
}

export function done(...evidence: readonly string[]): Finding {
  return { done: true, evidence };
}

export function missing(what: string): Finding {
  return { done: false, missing: what };
}
