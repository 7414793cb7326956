import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { stringify } from "yaml";
import { isApiError } from "#api/api-error.ts";
import type { JsonObject } from "#base/json.ts";
import { inClusterConfig, KubeconfigError, loadKubeconfig } from "./kubeconfig.ts";

async function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "kubeconfig-"));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

interface Parts {
  readonly cluster?: JsonObject;
  readonly user?: JsonObject;
  readonly config?: JsonObject;
}

function configOf({ cluster = {}, user = {}, config = {} }: Parts): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "main",
    contexts: [
      { name: "other", context: { cluster: "c2", user: "u" } },
      { name: "main", context: { cluster: "c", user: "u" } },
    ],
    clusters: [
      { name: "c", cluster: { server: "https://10.0.0.1:6443", ...cluster } },
      { name: "c2", cluster: { server: "https://[::1]:443/prefix" } },
    ],
    users: [{ name: "u", user }],
    ...config,
  });
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

test("loadKubeconfig reads data and files, these relative to the kubeconfig", async () => {
  await withDirectory(async (directory) => {
    const path = join(directory, "config");
    await writeFile(join(directory, "client.crt"), "CERT");
    const cluster = { "certificate-authority-data": base64("CA"), "tls-server-name": "api" };
    const user = { "client-certificate": "client.crt", "client-key-data": base64("KEY"), token: "t" };
    await writeFile(path, configOf({ cluster, user }));
    const { token, ...loaded } = loadKubeconfig(path);
    assert.deepEqual(loaded, {
      server: "https://10.0.0.1:6443",
      ca: "CA",
      certificate: "CERT",
      key: "KEY",
      tlsServerName: "api",
    });
    assert.equal(await token?.(), "t");
    assert.equal(loadKubeconfig(path, "other").server, "https://[::1]:443/prefix");
  });
});

test("loadKubeconfig prefers a token file, and keeps a token whose file is gone", async () => {
  await withDirectory(async (directory) => {
    const path = join(directory, "config");
    await writeFile(path, configOf({ user: { token: "old", tokenFile: "token" } }));
    const { token } = loadKubeconfig(path);
    await assert.rejects(token?.() ?? assert.fail(), (error) => isApiError(error, "Unauthorized"));
    await writeFile(join(directory, "token"), "  \n");
    await assert.rejects(token?.() ?? assert.fail(), /the file is empty/);
    await writeFile(join(directory, "token"), "new\n");
    assert.equal(await token?.(), "new");
    await rm(join(directory, "token"));
    assert.equal(await token?.(), "new");
  });
});

test("a token file is read again after a while", async (context) => {
  await withDirectory(async (directory) => {
    await writeFile(join(directory, "token"), "one");
    await writeFile(join(directory, "config"), configOf({ user: { tokenFile: "token" } }));
    const { token } = loadKubeconfig(join(directory, "config"));
    let now = 0;
    context.mock.method(performance, "now", () => now);
    assert.equal(await token?.(), "one");
    await writeFile(join(directory, "token"), "two");
    now = 9_999;
    assert.equal(await token?.(), "one");
    now = 10_000;
    assert.equal(await token?.(), "two");
    await rm(join(directory, "token"));
    now = 20_000;
    assert.equal(await token?.(), "two");
  });
});

const broken: readonly (readonly [string, string, RegExp])[] = [
  ["no YAML", "a: [", /Cannot use kubeconfig/],
  ["no object", "5", /it is not an object/],
  ["no context", configOf({ config: { "current-context": "" } }), /no current-context is set/],
  ["an unknown context", configOf({ config: { "current-context": "x" } }), /there is no context "x"/],
  ["an unknown cluster", configOf({ config: { clusters: [] } }), /there is no cluster "c"/],
  ["an unknown user", configOf({ config: { users: [] } }), /there is no user "u"/],
  ["no server", configOf({ cluster: { server: "" } }), /cluster "c" has no server/],
  ["a server without TLS", configOf({ cluster: { server: "http://a" } }), /server "http:\/\/a" is no https URL/],
  ["a server that is no URL", configOf({ cluster: { server: "https://" } }), /is no https URL/],
  ["no verification", configOf({ cluster: { "insecure-skip-tls-verify": true } }), /set a CA/],
  ["a proxy", configOf({ cluster: { "proxy-url": "http://p" } }), /proxy-url is not supported/],
  ["a plugin", configOf({ user: { exec: {} } }), /user "u" has "exec", which is not supported/],
  ["a password", configOf({ user: { username: "a" } }), /user "u" has "username", which is not supported/],
  ["a missing file", configOf({ user: { "client-key": "none" } }), /client-key ".*none" cannot be read/],
];

for (const [title, text, message] of broken) {
  test(`loadKubeconfig refuses ${title}`, async () => {
    await withDirectory(async (directory) => {
      const path = join(directory, "config");
      await writeFile(path, text);
      assert.throws(
        () => loadKubeconfig(path),
        (error) => error instanceof KubeconfigError && error.path === path && message.test(error.message),
      );
    });
  });
}

test("inClusterConfig reads the service account's files, in a pod alone", async () => {
  await withDirectory(async (directory) => {
    const environment = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
    assert.equal(inClusterConfig(environment, directory), undefined);
    await writeFile(join(directory, "token"), "secret\n");
    await writeFile(join(directory, "ca.crt"), "CA");
    assert.equal(inClusterConfig({}, directory), undefined);
    const config = inClusterConfig(environment, directory);
    assert.equal(config?.server, "https://[fd00::1]:443");
    assert.equal(config?.ca, "CA");
    assert.equal(await config?.token?.(), "secret");
  });
});
