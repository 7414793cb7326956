/**
 * What is said over a keeper's socket: one request in one line of JSON, answered by lines of JSON, the last one being
 * `done` or `failed`. Whoever may open the socket (0600, root) may do all of it.
 */
import type { ClusterErrorKind, ClusterErrorParts } from "../cluster-error.ts";
import type { ClusterStatus } from "./cluster-status.ts";

export type KeeperRequest =
  /** Follows the start of the cluster to its end. */
  | { readonly op: "follow" }
  | { readonly op: "status" }
  | { readonly op: "down" }
  | { readonly op: "node"; readonly action: "stop" | "start" | "crash"; readonly node: string }
  /** Takes the carrier from a node's link to the underlay, or gives it back. */
  | { readonly op: "link"; readonly node: string; readonly up: boolean }
  /** Nothing passes between two nodes, until healed. */
  | { readonly op: "partition" | "heal"; readonly nodes: readonly [string, string] }
  | { readonly op: "load-image"; readonly path: string };

export const KEEPER_OPS = [
  "follow",
  "status",
  "down",
  "node",
  "link",
  "partition",
  "heal",
  "load-image",
] as const satisfies readonly KeeperRequest["op"][];

export interface PhaseMessage {
  readonly kind: "phase";
  readonly name: string;
  readonly durationMs: number;
}

export type KeeperMessage =
  | PhaseMessage
  | {
      readonly kind: "done";
      /** Of the process that answers: after `down` it ends. */
      readonly keeperPid: number;
      /** For `follow` and `status`. */
      readonly status?: ClusterStatus;
      /** For `load-image`: what is in the file. */
      readonly images?: readonly string[];
    }
  | { readonly kind: "failed"; readonly error: ClusterErrorKind; readonly explanation: ClusterErrorParts };
