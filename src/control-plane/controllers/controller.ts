/**
 * A control loop over the API: informers tell what changed, a work queue takes names, a worker compares what is wanted
 * with what is there and writes the difference. Each controller is two parts: a pure `plan…` and a thin `start…`.
 */
import type { Kind, KubeObject } from "#api/kind.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { EventRecorder } from "#api-client/event-recorder.ts";
import type { Informer } from "#api-client/informer.ts";
import type { Log } from "#base/log.ts";

export interface ControllerContext {
  /** Its writes count only while this process leads. */
  readonly client: ApiClient;
  /**
   * One informer per kind, shared by all controllers and started with the first use. All have the index "owner"
   * (uid of the owner with controller: true) and "ownerUid" (uids of all owners); Pods also "node" (spec.nodeName) and
   * "label" ("namespace/name=value" for each label).
   */
  informer<O extends KubeObject>(kind: Kind<O>): Informer<O>;
  readonly events: EventRecorder;
  readonly log: Log;
  readonly now: () => Date;
}

export interface Controller {
  /** "deployment" */
  readonly name: string;
  /** Resolves when its informers have synced and its workers run; disposal waits for the workers. */
  start(context: ControllerContext): Promise<AsyncDisposable>;
}
