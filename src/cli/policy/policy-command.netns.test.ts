import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { requireRoot } from "#kernel/testing/with-netns.ts";

const ENTRY = fileURLToPath(new URL("../entry.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "pwpolicy-"));
after(() => rmSync(folder, { recursive: true }));

const HEAD = "apiVersion: podwire.io/v1\nkind: PolicyTest\n";
const PODS = "pods:\n  a/web: {labels: {app: web}}\n  a/db: {labels: {app: db}, ports: [5432]}\n";
const policy = (from: string) => `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: a}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: ${from}}}}]}]}
`;

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function podwire(args: readonly string[], input = ""): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [ENTRY, "policy", ...args], { encoding: "utf8", input, timeout: 60_000 });
}

const expecting = (verdict: string) =>
  file(
    `${verdict}.yaml`,
    `${HEAD}${PODS}policies: web.yaml\nexpectations:\n  - {from: a/web, to: a/db, expect: ${verdict}}\n`,
  );
file("web.yaml", policy("web"));

test("podwire policy test ends with 0 where all holds, and takes policies from the standard input", requireRoot, () => {
  const passed = podwire(["test", expecting("allow"), "-o", "tap"]);
  assert.equal(passed.stdout, "TAP version 14\n1..1\nok 1 - a/web → a/db:5432: allow\n", passed.stderr);
  assert.equal(passed.status, 0);
  const other = podwire(["test", expecting("deny"), "--policies", "-", "-o", "tap"], policy("nobody"));
  assert.match(other.stdout, /^ok 1 - a\/web → a\/db:5432: deny$/m, other.stderr);
  assert.equal(other.status, 0);
});

test(
  "podwire policy test ends with 1 where something does not hold, with 4 where nothing was tried",
  requireRoot,
  () => {
    const failed = podwire(["test", expecting("deny"), expecting("allow"), "-o", "github"]);
    assert.equal(failed.status, 1, failed.stderr);
    assert.match(
      failed.stdout,
      /^::error file=.*deny\.yaml,line=8,col=5,title=a\/web → a\/db%3A5432%3A expected deny::/m,
    );
    assert.match(failed.stdout, /remove from networkpolicy\/a\/db: spec\.ingress\[0\]/);
    const empty = podwire(["test", file("empty.yaml", `${HEAD}${PODS}`)]);
    assert.equal(empty.status, 4, empty.stderr);
  },
);

test("podwire policy ends with 2 for files that are wrong, and says where", () => {
  const wrong = podwire(["matrix", file("wrong.yaml", `${HEAD}pods:\n  a/x: {lables: {}}\n`)]);
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /wrong\.yaml:4:9: pods\.a\/x\.lables: unknown field; did you mean "labels"\?/);
  const flow = podwire(["explain", "a/wbe", "a/db:5432", "-f", expecting("allow")]);
  assert.equal(flow.status, 2);
  assert.match(flow.stderr, /there is no pod "a\/wbe"; did you mean "a\/web"\?/);
});

test("podwire policy diff lists what changes, and tries it on the kernel", requireRoot, () => {
  const paths = [file("old.yaml", policy("web")), file("new.yaml", policy("api"))];
  const { status, stdout, stderr } = podwire(["diff", ...paths, "-f", expecting("allow"), "--verify", "--exit-code"]);
  assert.equal(
    stdout,
    "- a/web → a/db:1-65535/any  allow → deny  networkpolicy/a/db  verified\n1 change among 10 pairs\n",
    stderr,
  );
  assert.equal(status, 1);
});
