/**
 * Events about objects, as `kubectl describe` and `kubectl get events` show them. Repeated ones are counted in one
 * object instead of stored again; recording never fails and never waits, events are for people.
 */
import type { KubeObject } from "#api/kind.ts";

export interface RecordedEvent {
  readonly type: "Normal" | "Warning";
  /** "ScalingReplicaSet", "FailedScheduling", … */
  readonly reason: string;
  readonly message: string;
}

export interface EventRecorder extends AsyncDisposable {
  record(about: KubeObject, event: RecordedEvent): void;
}
