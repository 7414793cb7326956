import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplicaSet } from "#api/kinds/replica-set.ts";
import type { Service } from "#api/kinds/service/service.ts";
import { testPod } from "../testing/builders.ts";
import { createSiblings } from "./siblings.ts";

const service = (name: string, selector: Readonly<Record<string, string>>, namespace = "default"): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace, name },
  spec: { selector },
});

const replicaSet: ReplicaSet = {
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: { namespace: "default", name: "web-1", uid: "rs-1" },
  spec: { selector: { matchLabels: { app: "web", hash: "1" } }, template: { spec: { containers: [] } } },
};

const web = testPod("web", {
  labels: { app: "web", hash: "1", tier: "front" },
  metadata: {
    ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-1", uid: "rs-1", controller: true }],
  },
});

test("createSiblings puts the selectors of a pod's services and of its owner together", () => {
  const siblings = createSiblings();
  siblings.setService(service("web", { app: "web" }));
  siblings.setService(service("front", { tier: "front" }));
  siblings.setService(service("db", { app: "db" }));
  siblings.setService(service("all", {}));
  siblings.setService(service("elsewhere", { hash: "1" }, "other"));
  assert.equal(siblings.of(web)?.key, "app=web,tier=front");
  siblings.setOwner(replicaSet);
  assert.equal(siblings.of(web)?.key, "app=web,hash=1,tier=front");
});

test("createSiblings follows services and owners that come, change and go", () => {
  const siblings = createSiblings();
  assert.equal(siblings.of(web), undefined);
  siblings.setService(service("web", { app: "web" }));
  assert.equal(siblings.of(web)?.key, "app=web");
  siblings.setService(service("web", { tier: "front" }));
  assert.equal(siblings.of(web)?.key, "tier=front");
  siblings.setService(service("web", {}));
  assert.equal(siblings.of(web), undefined);
  siblings.setService(service("web", { app: "web" }));
  siblings.setOwner(replicaSet);
  siblings.removeService(service("web", {}));
  assert.equal(siblings.of(web)?.key, "app=web,hash=1");
  siblings.removeOwner(replicaSet);
  assert.equal(siblings.of(web), undefined);
});
