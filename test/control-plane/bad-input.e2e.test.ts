/** Whatever is wrong with a request is told as Kubernetes tells it, and nothing is stored: not an object, not a revision. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ApiCaller, Reply } from "./api-caller.ts";
import { badBodies } from "./bad-bodies.ts";
import { badChanges } from "./bad-changes.ts";
import { badFields } from "./bad-fields.ts";
import { type BadRequest, configMap, deployment, PATHS, pod, type Refusal, service } from "./bad-input.ts";
import { badParameters } from "./bad-parameters.ts";
import { badSpecs } from "./bad-specs.ts";
import { createPlaneFolder, type PlaneFolder } from "./plane.ts";
import type { PlaneProcess } from "./start-process.ts";

let folder: PlaneFolder;
let plane: PlaneProcess;
let caller: ApiCaller;

before(async () => {
  folder = await createPlaneFolder();
  plane = await folder.start({ port: 0 });
  caller = folder.callerOf(plane.port, 4);
  for (const [path, object] of there) {
    const reply = await send({ method: "POST", path, body: object });
    assert.equal(reply.status, 201, reply.text);
  }
});

after(async () => {
  caller[Symbol.dispose]();
  await plane[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const named = (object: object) => ({ ...object, metadata: { name: "there" } });
const { template, selector } = deployment().spec;
/** What is there, before anything is wrong. */
const there: readonly (readonly [path: string, object: object])[] = [
  ["/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "default" } }],
  [PATHS.configMaps, configMap({ name: "there" }, { data: { a: "1" } })],
  [PATHS.configMaps, configMap({ name: "fixed" }, { data: { a: "1" }, immutable: true })],
  [PATHS.pods, named(pod())],
  [PATHS.services, named(service())],
  [PATHS.secrets, named({})],
  [PATHS.nodes, named({ spec: { podCIDR: "10.1.0.0/24" } })],
  [PATHS.deployments, named(deployment())],
  [PATHS.statefulSets, named({ spec: { serviceName: "x", selector, template } })],
  [PATHS.jobs, named({ spec: { template: { spec: { ...template.spec, restartPolicy: "Never" } } } })],
  [
    PATHS.roleBindings,
    named({ roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" } }),
  ],
  [PATHS.endpointSlices, named({ addressType: "IPv4", endpoints: [] })],
];

function send({ method, path, body, headers }: BadRequest): Promise<Reply> {
  const bytes = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return caller.call(method, path, {
    ...(headers !== undefined && { headers }),
    ...(bytes !== undefined && { body: bytes }),
  });
}

const lists = [...new Set([...there.map(([path]) => path), PATHS.networkPolicies, "/api/v1/namespaces"])];

/** The bytes of all objects; the lists' revision is the store's, which any write would count up. */
async function everything(): Promise<readonly string[]> {
  return await Promise.all(lists.map(async (path) => (await caller.call("GET", path)).text));
}

/** The store's revision and all ConfigMaps, for each case; everything is compared at the end. */
const fingerprint = async (): Promise<string> => (await caller.call("GET", PATHS.configMaps)).text;

function check({ status, json, text }: Reply, refusal: Refusal): void {
  assert.equal(status, refusal.status, text);
  assert.deepEqual([json.kind, json.apiVersion, json.status], ["Status", "v1", "Failure"]);
  assert.deepEqual([json.code, json.reason], [refusal.status, refusal.reason]);
  const { causes } = refusal;
  if (causes !== undefined) {
    const told = (json.details?.causes ?? []).map(({ reason, field, message }: Record<string, string>) => [
      reason,
      field,
      message,
    ]);
    if (causes.length > 0) assert.deepEqual(told, causes);
    else assert.ok(told.length > 0);
  }
  if (typeof refusal.message === "string") assert.equal(json.message, wholeMessage(refusal.message, refusal));
  else assert.match(json.message, refusal.message);
}

/** A 422 says its causes once more. */
function wholeMessage(message: string, { causes, reason }: Refusal): string {
  if (causes === undefined || reason !== "Invalid") return message;
  const texts = causes.map(([, field, cause]) => `${field}: ${cause}`);
  return `${message}: ${texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`}`;
}

let whole: readonly string[];
test("what is there before", async () => {
  whole = await everything();
});

for (const { title, request, refusal } of [...badFields, ...badSpecs, ...badBodies, ...badChanges, ...badParameters]) {
  test(`${title}: ${refusal.status} ${refusal.reason}`, async () => {
    const start = await fingerprint();
    check(await send(request), refusal);
    assert.equal(await fingerprint(), start, "something was stored");
  });
}

const unknownFields: readonly { readonly query: string; readonly warning: string | undefined }[] = [
  { query: "fieldValidation=Warn", warning: '299 - "unknown field \\"foo\\"", 299 - "duplicate field \\"data.a\\""' },
  { query: "fieldValidation=", warning: '299 - "unknown field \\"foo\\"", 299 - "duplicate field \\"data.a\\""' },
  { query: "fieldValidation=Ignore", warning: undefined },
];
for (const { query, warning } of unknownFields) {
  test(`unknown and repeated fields with "${query}" are ${warning === undefined ? "dropped" : "warned of"}`, async () => {
    const body = '{"metadata":{"name":"x"},"data":{"a":"1","a":"2"},"foo":1}';
    const reply = await send({ method: "POST", path: `${PATHS.configMaps}?dryRun=All&${query}`, body });
    assert.equal(reply.status, 201);
    assert.deepEqual(reply.json.data, { a: "2" });
    assert.equal("foo" in reply.json, false);
    const told = reply.headers["warning"];
    assert.deepEqual(told?.split(", ").toSorted(), warning?.split(", ").toSorted());
  });
}

test("text that is no UTF-8 and members that are no names become what Go makes of them", async () => {
  const body = Buffer.from('{"metadata":{"name":"x"},"data":{"a":"\xff","__proto__":"y","b":"\\u0000"}}', "latin1");
  const reply = await send({ method: "POST", path: `${PATHS.configMaps}?dryRun=All`, body });
  assert.equal(reply.status, 201, reply.text);
  assert.match(reply.text, /"data":\{"a":"\ufffd","__proto__":"y","b":"\\u0000"\}/);
});

test("after all of them everything is as it was, and no request was the server's fault", async () => {
  assert.deepEqual(await everything(), whole);
  assert.equal(plane.ending(), undefined);
  assert.deepEqual(plane.errors, []);
});
