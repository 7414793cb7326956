import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { cellsOf, createObject, problemsOfCreate, problemsOfUpdate } from "../testing/create-object.ts";
import { job } from "./job.ts";

const POD = { restartPolicy: "Never", containers: [{ name: "pi", image: "pi:1" }] };
const SPEC = { template: { spec: POD } };
const LABELS = {
  "batch.kubernetes.io/controller-uid": "u1",
  "batch.kubernetes.io/job-name": "web",
  "controller-uid": "u1",
  "job-name": "web",
};

const defaults: readonly (readonly [JsonObject, JsonObject])[] = [
  [{}, { parallelism: 1, completions: 1, backoffLimit: 6, podReplacementPolicy: "TerminatingOrFailed" }],
  [{ parallelism: 3 }, { parallelism: 3, backoffLimit: 6, podReplacementPolicy: "TerminatingOrFailed" }],
  [
    { completions: 4, backoffLimitPerIndex: 1, podFailurePolicy: { rules: [] } },
    {
      parallelism: 1,
      completions: 4,
      backoffLimit: 2147483647,
      backoffLimitPerIndex: 1,
      podFailurePolicy: { rules: [] },
      podReplacementPolicy: "Failed",
    },
  ],
];

for (const [members, complete] of defaults) {
  test(`job completes ${JSON.stringify(members)}`, () => {
    const {
      template: _template,
      selector: _selector,
      ...spec
    } = createObject(job, { spec: { ...SPEC, ...members } }).spec;
    assert.deepEqual(spec, { manualSelector: false, completionMode: "NonIndexed", suspend: false, ...complete });
  });
}

test("job gets a selector and labels by which its pods are known", () => {
  const object = createObject(job, { spec: SPEC });
  assert.deepEqual(object.spec.selector, { matchLabels: { "batch.kubernetes.io/controller-uid": "u1" } });
  assert.deepEqual(object.spec.template.metadata?.labels, LABELS);
  assert.deepEqual(object.metadata.labels, LABELS);
});

test("job keeps the selector of a client that asks for it", () => {
  const spec = {
    manualSelector: true,
    selector: { matchLabels: { app: "pi" } },
    template: { metadata: { labels: { app: "pi" } }, spec: POD },
  };
  const object = createObject(job, { metadata: { labels: { team: "a" } }, spec });
  assert.deepEqual(object.spec.selector, spec.selector);
  assert.deepEqual(object.spec.template.metadata?.labels, { app: "pi" });
  assert.deepEqual(object.metadata.labels, { team: "a" });
  assert.deepEqual(problemsOfCreate(job, { spec }), []);
});

const exitCodes = (onExitCodes: JsonObject): JsonObject => ({
  podFailurePolicy: { rules: [{ action: "FailJob", onExitCodes }] },
});
const RULE = "spec.podFailurePolicy.rules[0]";
const SUCCESS = "spec.successPolicy.rules[0]";

const problems: readonly (readonly [JsonObject, readonly string[]])[] = [
  [{}, []],
  [{ completionMode: "Indexed", completions: 3 }, []],
  [
    { template: { spec: { ...POD, restartPolicy: "Always" } } },
    ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
  ],
  [
    { template: { spec: { ...POD, restartPolicy: "OnFailure" } }, podFailurePolicy: { rules: [] } },
    [
      'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
    ],
  ],
  [{ backoffLimit: -1 }, ["spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0"]],
  [
    { completionMode: "Indexed", parallelism: 2 },
    ["spec.completions: Required value: when completion mode is Indexed"],
  ],
  [
    { completionMode: "Indexed", completions: 3, parallelism: 100001 },
    ["spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed"],
  ],
  [
    { backoffLimitPerIndex: 1, maxFailedIndexes: 2 },
    [
      "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
      "spec.maxFailedIndexes: Invalid value: 2: requires indexed completion mode",
    ],
  ],
  [
    { completionMode: "Indexed", completions: 1, maxFailedIndexes: 2 },
    [
      "spec.maxFailedIndexes: Invalid value: 2: must be less than or equal to completions",
      "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
    ],
  ],
  [
    { managedBy: "controller" },
    ['spec.managedBy: Invalid value: "controller": must be a domain-prefixed path (such as "acme.io/foo")'],
  ],
  [{ managedBy: "example.com/controller" }, []],
  [
    exitCodes({ operator: "In", values: [3, 0], containerName: "other" }),
    [
      `${RULE}.onExitCodes.containerName: Invalid value: "other": must be one of the container or initContainer names in the pod template`,
      `${RULE}.onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator`,
      `${RULE}.onExitCodes.values: Invalid value: [3,0]: must be ordered`,
    ],
  ],
  [exitCodes({ operator: "NotIn", values: [1, 1] }), [`${RULE}.onExitCodes.values[1]: Duplicate value: 1`]],
  [
    exitCodes({ operator: "NotIn", values: [] }),
    [`${RULE}.onExitCodes.values: Invalid value: []: at least one value is required`],
  ],
  [
    { podFailurePolicy: { rules: [{ action: "FailIndex" }] } },
    [
      `${RULE}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set`,
      `${RULE}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required`,
    ],
  ],
  [{ podFailurePolicy: { rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget" }] }] } }, []],
  [
    { completionMode: "Indexed", completions: 3, successPolicy: { rules: [{ succeededIndexes: "0-5" }, {}] } },
    [
      `${SUCCESS}.succeededIndexes: Invalid value: "0-5": error parsing succeededIndexes: too large index: "5"`,
      "spec.successPolicy.rules[1]: Required value: at least one of succeededCount or succeededIndexes must be specified",
    ],
  ],
  [
    {
      completionMode: "Indexed",
      completions: 3,
      successPolicy: { rules: [{ succeededIndexes: "0-1", succeededCount: 3 }] },
    },
    [
      `${SUCCESS}.succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)`,
    ],
  ],
];

for (const [members, texts] of problems) {
  test(`job validation gives ${texts.join(", ") || "no problem"} for ${JSON.stringify(members)}`, () => {
    assert.deepEqual(problemsOfCreate(job, { spec: { ...SPEC, ...members } }), texts);
  });
}

test("job validation refuses labels that are not its own", () => {
  const template = { metadata: { labels: { "controller-uid": "u2" } }, spec: POD };
  const [text = "", ...others] = problemsOfCreate(job, { spec: { template } });
  assert.match(text, /^spec\.template\.metadata\.labels\[controller-uid\]: Invalid value: \{.*\}: must be 'u1'$/);
  assert.deepEqual(others, []);
});

const updates: readonly (readonly [JsonObject, JsonObject, readonly string[]])[] = [
  [{}, { parallelism: 2, suspend: true, backoffLimit: 1 }, []],
  [{}, { completions: 2 }, ["spec.completions: Invalid value: 2: field is immutable"]],
  [
    { completionMode: "Indexed", completions: 2, parallelism: 2 },
    { completions: 3 },
    ["spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism"],
  ],
  [{ completionMode: "Indexed", completions: 2, parallelism: 2 }, { completions: 3, parallelism: 3 }, []],
  [{}, { managedBy: "a.b/c" }, ['spec.managedBy: Invalid value: "a.b/c": field is immutable']],
];

for (const [given, change, texts] of updates) {
  test(`job update gives ${texts.join(", ") || "no problem"} for ${JSON.stringify(change)}`, () => {
    const old = createObject(job, { spec: { ...SPEC, ...given } });
    assert.deepEqual(problemsOfUpdate(job, old, { spec: { ...old.spec, ...change } as JsonObject }), texts);
  });
}

test("job's template cannot change, but a waiting job may learn where its pods go", () => {
  const started = createObject(job, { spec: SPEC });
  const waiting = createObject(job, { spec: { ...SPEC, suspend: true } });
  const change = ({ spec }: typeof started) =>
    ({
      spec: { ...spec, template: { ...spec.template, spec: { ...POD, nodeSelector: { zone: "a" } } } },
    }) as JsonObject;
  assert.deepEqual(problemsOfUpdate(job, waiting, change(waiting)), []);
  const [text = ""] = problemsOfUpdate(job, started, change(started));
  assert.match(text, /^spec\.template: Invalid value: \{.*\}: field is immutable$/);
});

const COMPLETE = { type: "Complete", status: "True" };
const FAILED = { type: "Failed", status: "True" };
const START = "2024-05-01T11:30:00Z";
const END = "2024-05-01T11:31:30Z";

const statuses: readonly (readonly [JsonObject, JsonObject, readonly string[]])[] = [
  [{}, { active: 1, startTime: START }, []],
  [{ startTime: START }, { startTime: START, completionTime: END, succeeded: 1, conditions: [COMPLETE] }, []],
  [
    {},
    { active: 1, conditions: [COMPLETE, FAILED] },
    [
      "status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions",
      "status.completionTime: Required value: completionTime is required for Complete jobs",
      "status.startTime: Required value: startTime is required for finished job",
      "status.active: Invalid value: 1: active>0 is invalid for finished job",
    ],
  ],
  [
    { startTime: START, succeeded: 2, failed: 2, conditions: [FAILED] },
    { startTime: START, succeeded: 1, failed: 1, completionTime: END },
    [
      "status.conditions: Invalid value: cannot disable the terminal Failed=True condition",
      `status.completionTime: Invalid value: "${END}": cannot set completionTime when there is no Complete=True condition`,
      "status.failed: Invalid value: 1: cannot decrease the failed counter",
      "status.succeeded: Invalid value: 1: cannot decrease the succeeded counter",
    ],
  ],
];

for (const [before, status, texts] of statuses) {
  test(`job status update gives ${texts.length} problems for ${JSON.stringify(status)}`, () => {
    const old = createObject(job, { spec: SPEC, status: before });
    assert.deepEqual(problemsOfUpdate(job, old, { status }, "status"), texts);
  });
}

const cells: readonly (readonly [JsonObject, JsonObject, JsonObject])[] = [
  [{}, {}, { STATUS: "Running", COMPLETIONS: "0/1", DURATION: "" }],
  [{ parallelism: 3 }, { startTime: START }, { STATUS: "Running", COMPLETIONS: "0/1 of 3", DURATION: "30m" }],
  [
    { completions: 5 },
    { startTime: START, completionTime: END, succeeded: 5, conditions: [COMPLETE] },
    { STATUS: "Complete", COMPLETIONS: "5/5", DURATION: "90s" },
  ],
  [{}, { conditions: [FAILED] }, { STATUS: "Failed", COMPLETIONS: "0/1", DURATION: "" }],
  [
    { suspend: true },
    { conditions: [{ type: "Suspended", status: "True" }] },
    { STATUS: "Suspended", COMPLETIONS: "0/1", DURATION: "" },
  ],
];

for (const [members, status, expected] of cells) {
  test(`job's cells are kubectl's for ${JSON.stringify({ ...members, ...status })}`, () => {
    const object = createObject(job, { spec: { ...SPEC, ...members }, status });
    assert.deepEqual(cellsOf(job, object), {
      NAME: "web",
      ...expected,
      AGE: "60m",
      CONTAINERS: "pi",
      IMAGES: "pi:1",
      SELECTOR: "batch.kubernetes.io/controller-uid=u1",
    });
    assert.equal(job.fieldSelectors["status.successful"]?.(object), String(status["succeeded"] ?? 0));
  });
}
