/** Objects for tests of plans, with as little as these look at. */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodStatus } from "#api/kinds/pod/pod-status.ts";
import type { ObjectMeta } from "#api/meta/object-meta.ts";
import type { JsonObject } from "#base/json.ts";

export const NOW = new Date("2025-01-01T12:00:00Z");

/** Some seconds before NOW. */
export function ago(seconds: number): string {
  return `${new Date(NOW.getTime() - seconds * 1000).toISOString().slice(0, 19)}Z`;
}

export interface TestPod {
  readonly name: string;
  readonly node?: string;
  readonly phase?: PodStatus["phase"];
  /** Seconds since it became ready; absent: it is not. */
  readonly readyFor?: number;
  /** Takes the place of readyFor. */
  readonly isUnready?: boolean;
  readonly age?: number;
  readonly restarts?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly isTerminating?: boolean;
  readonly owner?: { readonly kind: string; readonly apiVersion: string; readonly metadata: ObjectMeta };
}

export function testPod(options: TestPod): Pod {
  const { name, node, phase = "Running", readyFor, age = 3600, restarts, labels, annotations, owner } = options;
  const ready =
    readyFor === undefined || options.isUnready === true
      ? ({ type: "Ready", status: "False" } as const)
      : ({ type: "Ready", status: "True", lastTransitionTime: ago(readyFor) } as const);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      uid: `uid-${name}`,
      creationTimestamp: ago(age),
      labels,
      annotations,
      ...(options.isTerminating === true && { deletionTimestamp: ago(0) }),
      ...(owner !== undefined && {
        ownerReferences: [
          {
            apiVersion: owner.apiVersion,
            kind: owner.kind,
            name: owner.metadata.name ?? "",
            uid: owner.metadata.uid ?? "",
            controller: true,
          },
        ],
      }),
    },
    spec: { containers: [], nodeName: node },
    status: {
      phase,
      conditions: [ready],
      ...(restarts !== undefined && {
        containerStatuses: [{ name: "main", ready: true, restartCount: restarts, image: "", imageID: "" }],
      }),
    },
  };
}

/** `{app: web}` as selector and labels, and one container. */
export function webTemplate(image = "web:1", more: JsonObject = {}): JsonObject {
  return {
    selector: { matchLabels: { app: "web" } },
    template: podTemplate(image, more),
  };
}

/** Pods of the template end only when the kubelet says so. */
export function podTemplate(image = "web:1", more: JsonObject = {}): JsonObject {
  return {
    metadata: { labels: { app: "web" }, finalizers: ["test/kubelet"] },
    spec: { containers: [{ name: "web", image }], ...more },
  };
}

export function namesOf(objects: readonly { readonly metadata: ObjectMeta }[]): readonly (string | undefined)[] {
  return objects.map(({ metadata }) => metadata.name);
}
