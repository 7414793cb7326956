import assert from "node:assert/strict";
import { test } from "node:test";
import { withApiServer } from "../testing/with-api-server.ts";
import { compareVersions } from "./discovered-resources.ts";

const accept = (version: string): string =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
const KUBECTL = `${accept("v2")},${accept("v2beta1")},application/json`;

test("serveDiscovery tells everything at once in the form that is asked for", () =>
  withApiServer(async ({ ask }) => {
    const core = await ask("GET", "/api", { headers: { accept: KUBECTL } });
    assert.equal(core.headers["content-type"], accept("v2"));
    assert.equal(core.headers["vary"], "Accept");
    assert.deepEqual([core.json.kind, core.json.apiVersion], ["APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"]);
    assert.deepEqual([core.json.items.length, core.json.items[0].metadata.name], [1, undefined]);
    const etag = String(core.headers["etag"]);
    const again = await ask("GET", "/api", { headers: { accept: KUBECTL, "if-none-match": etag } });
    assert.deepEqual([again.status, again.text], [304, ""]);
    const groups = await ask("GET", "/apis", { headers: { accept: accept("v2beta1") } });
    assert.equal(groups.headers["content-type"], accept("v2beta1"));
    const apps = groups.json.items.find(({ metadata }: { metadata: { name: string } }) => metadata.name === "apps");
    const deployments = apps.versions[0].resources.find(
      ({ resource }: { resource: string }) => resource === "deployments",
    );
    assert.deepEqual(
      [deployments.scope, deployments.responseKind.kind, deployments.shortNames, deployments.categories],
      ["Namespaced", "Deployment", ["deploy"], ["all"]],
    );
    assert.deepEqual(
      deployments.subresources.map(({ subresource, responseKind }: never) => [subresource, responseKind["kind"]]),
      [
        ["scale", "Scale"],
        ["status", "Deployment"],
      ],
    );
    assert.ok(!groups.text.includes('"scales"'));
  }));

test("serveDiscovery tells piece by piece in the old form", () =>
  withApiServer(async ({ ask, port }) => {
    const versions = (await ask("GET", "/api")).json;
    assert.deepEqual([versions.kind, versions.versions], ["APIVersions", ["v1"]]);
    assert.equal(versions.serverAddressByClientCIDRs[0].serverAddress, `127.0.0.1:${port}`);
    const { kind, groups } = (await ask("GET", "/apis")).json;
    assert.equal(kind, "APIGroupList");
    assert.ok(!groups.some(({ name }: { name: string }) => name === ""));
    assert.equal((await ask("GET", "/apis/apps")).json.preferredVersion.groupVersion, "apps/v1");
    const { resources } = (await ask("GET", "/api/v1")).json;
    const eviction = resources.find(({ name }: { name: string }) => name === "pods/eviction");
    assert.deepEqual([eviction.group, eviction.version, eviction.kind], ["policy", "v1", "Eviction"]);
    for (const path of ["/apis/none", "/apis/none/v1", "/api/v9"]) {
      assert.equal((await ask("GET", path)).status, 404, path);
    }
  }));

test("compareVersions puts stable versions first", () => {
  const versions = ["v1alpha1", "v10", "v1beta2", "v2", "foo1", "v1beta10", "v1"];
  assert.deepEqual(versions.sort(compareVersions), ["v10", "v2", "v1", "v1beta10", "v1beta2", "v1alpha1", "foo1"]);
});
