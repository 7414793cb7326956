import assert from "node:assert/strict";
import { test } from "node:test";
import { configMap } from "#api/kinds/config-map.ts";
import { secret } from "#api/kinds/secret.ts";
import { createKindRegistry } from "./kind-registry.ts";

test("createKindRegistry finds kinds by path and by name", () => {
  const kinds = createKindRegistry([configMap]);
  assert.equal(kinds.find("", "v1", "configmaps"), configMap);
  assert.equal(kinds.findByKind("v1", "ConfigMap"), configMap);
  assert.equal(kinds.find("apps", "v1", "configmaps"), undefined);
});

test("createKindRegistry tells of kinds that come, change and go", () => {
  const kinds = createKindRegistry([configMap]);
  let changes = 0;
  const listening = kinds.onChange(() => {
    changes += 1;
  });
  kinds.add(secret);
  assert.deepEqual(kinds.all(), [configMap, secret]);
  const renamed = { ...secret, kind: "Hidden" };
  kinds.add(renamed);
  assert.equal(kinds.findByKind("v1", "Secret"), undefined);
  assert.equal(kinds.findByKind("v1", "Hidden"), renamed);
  kinds.remove(secret);
  kinds.remove(secret);
  assert.equal(kinds.find("", "v1", "secrets"), undefined);
  assert.equal(kinds.findByKind("v1", "Hidden"), undefined);
  assert.equal(changes, 3);
  listening[Symbol.dispose]();
  kinds.add(secret);
  assert.equal(changes, 3);
});
