import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControllerRevision } from "#api/kinds/controller-revision.ts";
import { type DaemonSet, daemonSet as daemonSetKind } from "#api/kinds/daemon-set.ts";
import type { JsonObject } from "#base/json.ts";
import { planRevision, templateOf, unneededRevisions } from "./plan-revision.ts";
import { webTemplate } from "./testing/test-objects.ts";
import { draftOf } from "./testing/workload-cluster.ts";

const REVISED = { kind: daemonSetKind, hashLabel: "controller-revision-hash" };

function daemonSet(image: string, more: JsonObject = {}): DaemonSet {
  const annotations = { note: "x", "kubectl.kubernetes.io/last-applied-configuration": "{}" };
  return draftOf(daemonSetKind, "web", {
    metadata: { uid: "u-web", annotations },
    spec: { ...webTemplate(image), ...more },
  });
}

/** The history after these images, one after the other. */
function historyOf(images: readonly string[]): readonly ControllerRevision[] {
  return images.reduce<readonly ControllerRevision[]>((history, image) => {
    const { current, old } = planRevision(REVISED, daemonSet(image), history);
    return [...old, current];
  }, []);
}

test("planRevision makes the first revision of a template, named by its hash", () => {
  const { current, write, old } = planRevision(REVISED, daemonSet("web:1"), []);
  const hash = current.metadata.labels?.["controller-revision-hash"];
  assert.equal(current.metadata.name, `web-${hash}`);
  assert.deepEqual(current.metadata.annotations, { note: "x" });
  assert.equal(current.metadata.ownerReferences?.[0]?.uid, "u-web");
  assert.deepEqual([current.revision, write, old], [1, "create", []]);
  assert.deepEqual(templateOf(current), daemonSet("web:1").spec.template);
});

const rows = [
  { images: ["web:1"], image: "web:1", revision: 1, write: "none" },
  { images: ["web:1"], image: "web:2", revision: 2, write: "create" },
  { images: ["web:1", "web:2", "web:3"], image: "web:3", revision: 3, write: "none" },
  { images: ["web:1", "web:2", "web:3"], image: "web:1", revision: 4, write: "renumber" },
];

for (const { images, image, revision, write } of rows) {
  test(`planRevision after ${images}: ${image} is revision ${revision}, to ${write}`, () => {
    const plan = planRevision(REVISED, daemonSet(image), historyOf(images));
    assert.deepEqual([plan.current.revision, plan.write], [revision, write]);
  });
}

test("planRevision gives another name when the first one is taken", () => {
  const first = planRevision(REVISED, daemonSet("web:1"), []).current;
  const clashing = { ...daemonSet("web:1"), status: { ...EMPTY_STATUS, collisionCount: 1 } };
  assert.notEqual(planRevision(REVISED, clashing, []).current.metadata.name, first.metadata.name);
});

const EMPTY_STATUS = {
  currentNumberScheduled: 0,
  numberMisscheduled: 0,
  desiredNumberScheduled: 0,
  numberReady: 0,
} as const;

test("unneededRevisions gives the oldest beyond the limit, but none that a pod has", () => {
  const history = historyOf(["web:1", "web:2", "web:3", "web:4"]);
  const owner = daemonSet("web:4", { revisionHistoryLimit: 1 });
  const revisions = unneededRevisions(history, owner, ({ revision }) => revision === 2);
  assert.deepEqual(
    revisions.map(({ revision }) => revision),
    [1, 3],
  );
});

test("templateOf is undefined for data that holds no template", () => {
  const [revision] = historyOf(["web:1"]);
  assert.ok(revision);
  for (const data of [null, 1, {}, { spec: {} }, { spec: { template: 1 } }]) {
    assert.equal(templateOf({ ...revision, data }), undefined);
  }
});
