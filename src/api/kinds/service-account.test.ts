import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceAccount } from "./service-account.ts";
import { cellsOf, createObject, problemsOfCreate } from "./testing/create-object.ts";

test("serviceAccount shows how many secrets it has", () => {
  const secrets = [{ name: "a" }, { name: "b" }];
  assert.deepEqual(cellsOf(serviceAccount, createObject(serviceAccount, { secrets })), {
    NAME: "web",
    SECRETS: 2,
    AGE: "60m",
  });
  assert.equal(cellsOf(serviceAccount, createObject(serviceAccount, {}))["SECRETS"], 0);
});

test("serviceAccount keeps automountServiceAccountToken: false", () => {
  assert.equal(
    createObject(serviceAccount, { automountServiceAccountToken: false }).automountServiceAccountToken,
    false,
  );
  assert.deepEqual(problemsOfCreate(serviceAccount, { imagePullSecrets: [{ name: "a" }] }), []);
});
