import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { writeKubeconfig } from "./kubeconfig.ts";
import { openPki, type Pki } from "./open-pki.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const START = new Date("2026-03-01T00:00:00Z");

async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), "pki-"));
  try {
    await body(join(parent, "pki"));
  } finally {
    await rm(parent, { recursive: true });
  }
}

const open = (directory: string, serverNames: readonly string[] = ["127.0.0.1"], now = START): Promise<Pki> =>
  openPki({ directory, serverNames, now: () => now });

test("openPki makes certificates of one authority, with names, groups and purposes", () =>
  withDirectory(async (directory) => {
    const pki = await open(directory, ["127.0.0.1", "::1", "localhost", "kubernetes.default.svc"]);
    const authority = new X509Certificate(pki.certificateAuthority);
    assert.equal(authority.ca, true);
    const server = new X509Certificate(pki.server.certificate);
    assert.equal(server.checkIP("127.0.0.1"), "127.0.0.1");
    assert.notEqual(server.checkIP("::1"), undefined);
    assert.equal(server.checkHost("kubernetes.default.svc"), "kubernetes.default.svc");
    assert.equal(server.checkHost("other"), undefined);
    assert.deepEqual(server.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
    const node = await pki.issueClient({ commonName: "system:node:a", organizations: ["system:nodes", "other"] });
    const issued = new X509Certificate(node.certificate);
    assert.deepEqual({ ...issued.toLegacyObject().subject }, { CN: "system:node:a", O: ["system:nodes", "other"] });
    assert.deepEqual(issued.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
    assert.ok(issued.checkPrivateKey(createPrivateKey(node.key)));
    for (const { certificate } of [pki.server, pki.admin, pki.kubeletClient, node]) {
      assert.ok(new X509Certificate(certificate).checkIssued(authority));
      assert.ok(new X509Certificate(certificate).verify(authority.publicKey));
    }
  }));

test("openPki keeps what it made, readable for its owner only", () =>
  withDirectory(async (directory) => {
    const first = await open(directory);
    const second = await open(directory);
    assert.equal(second.certificateAuthority, first.certificateAuthority);
    assert.deepEqual(second.server, first.server);
    assert.deepEqual(second.admin, first.admin);
    assert.ok(second.serviceAccountKey.privateKey.equals(first.serviceAccountKey.privateKey));
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    for (const name of ["ca.key", "ca.crt", "apiserver.key", "sa.key"]) {
      assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600, name);
    }
  }));

test("openPki renews what ends soon, and the server's certificate when its names change", () =>
  withDirectory(async (directory) => {
    const first = await open(directory);
    const named = await open(directory, ["127.0.0.1", "10.0.0.1"]);
    assert.notEqual(named.server.certificate, first.server.certificate);
    assert.deepEqual(named.admin, first.admin);
    const later = await open(directory, ["127.0.0.1"], new Date(START.getTime() + 350 * DAY_MS));
    assert.equal(later.certificateAuthority, first.certificateAuthority);
    assert.notEqual(later.admin.certificate, first.admin.certificate);
    assert.notEqual(later.server.certificate, named.server.certificate);
  }));

test("openPki makes a damaged certificate anew but refuses a damaged authority", () =>
  withDirectory(async (directory) => {
    const first = await open(directory);
    await writeFile(join(directory, "admin.crt"), "no certificate");
    const second = await open(directory);
    assert.notEqual(second.admin.certificate, first.admin.certificate);
    await writeFile(join(directory, "ca.key"), first.admin.key);
    await assert.rejects(open(directory), /Cannot use the certificate authority .*ca\.crt/);
  }));

test("writeKubeconfig writes what a YAML reader gives back, for its owner only", () =>
  withDirectory(async (directory) => {
    const pki = await open(directory);
    const path = join(directory, "below", "admin.conf");
    await writeKubeconfig(path, {
      server: "https://127.0.0.1:6443",
      certificateAuthority: pki.certificateAuthority,
      clusterName: "pod: wire",
      userName: "admin",
      credentials: { type: "certificate", pair: pki.admin },
    });
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const config = parse(await readFile(path, "utf8"));
    assert.equal(config["current-context"], "admin@pod: wire");
    assert.equal(config.contexts[0].context.cluster, config.clusters[0].name);
    assert.equal(
      Buffer.from(config.users[0].user["client-certificate-data"], "base64").toString(),
      pki.admin.certificate,
    );
  }));
