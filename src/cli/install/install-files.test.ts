import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CliError } from "../cli-error.ts";
import { type InstallRequest, installFiles } from "./install-files.ts";
import { readManifest } from "./manifest.ts";
import { uninstallFiles } from "./uninstall-files.ts";

const LAUNCHER = "podwire-cni-launcher-1 v1";
const BUNDLE_FILES = ["standalone.mjs", "cni.cjs", "podwire.cjs", "main.cjs", "podwire", "koffi.node"];

interface Folders extends Disposable {
  readonly binDir: string;
  readonly request: InstallRequest;
}

function testFolders(options: Partial<InstallRequest> = {}): Folders {
  const root = mkdtempSync(join(tmpdir(), "podwire-install-"));
  const bundleFolder = join(root, "bundle");
  mkdirSync(bundleFolder);
  for (const name of BUNDLE_FILES) writeFileSync(join(bundleFolder, name), name);
  writeFileSync(join(bundleFolder, "cni-launcher"), LAUNCHER);
  const binDir = join(root, "bin");
  return {
    binDir,
    request: {
      binDir,
      version: "1.2.3",
      bundleFolder,
      plugins: ["bridge", "ptp"],
      node: "/usr/bin/node",
      conflist: { path: join(root, "net.d/10-podwire.conflist"), content: "{}\n" },
      onForeign: "refuse",
      ...options,
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true }),
  };
}

const read = (...path: readonly string[]): string => readFileSync(join(...path), "utf8");

test("installFiles puts a launcher under each plugin's name, and what it runs beside them", () => {
  using folders = testFolders();
  const { binDir, request } = folders;
  const { written, replaced } = installFiles(request);
  assert.deepEqual(replaced, []);
  assert.equal(written.length, BUNDLE_FILES.length + 1 + 2 + 1);
  assert.deepEqual(readdirSync(binDir).toSorted(), [".podwire", "bridge", "ptp"]);
  assert.deepEqual(
    readdirSync(join(binDir, ".podwire")).toSorted(),
    [...BUNDLE_FILES, "cni-launcher", "manifest.json", "node"].toSorted(),
  );
  assert.equal(read(binDir, "bridge"), LAUNCHER);
  assert.equal(statSync(join(binDir, "bridge")).mode & 0o777, 0o755);
  assert.equal(statSync(join(binDir, ".podwire/cni.cjs")).mode & 0o777, 0o644);
  assert.equal(readlinkSync(join(binDir, ".podwire/node")), "/usr/bin/node");
  assert.equal(readManifest(binDir)?.version, "1.2.3");
});

test("installFiles of an installed Podwire makes a manifest of its own", () => {
  using first = testFolders();
  installFiles(first.request);
  using second = testFolders({ bundleFolder: join(first.binDir, ".podwire"), version: "1.2.4" });
  installFiles(second.request);
  const { version, files } = readManifest(second.binDir) ?? assert.fail();
  assert.equal(version, "1.2.4");
  assert.deepEqual(
    Object.keys(files).filter((path) => path.startsWith("/")),
    [second.request.conflist?.path],
  );
});

test("installFiles writes nothing the second time, and only what differs after an upgrade", () => {
  using folders = testFolders();
  const { binDir, request } = folders;
  installFiles(request);
  const before = statSync(join(binDir, "bridge")).ino;
  assert.deepEqual(installFiles(request).written, []);
  assert.equal(statSync(join(binDir, "bridge")).ino, before);

  writeFileSync(join(request.bundleFolder, "cni.cjs"), "newer");
  assert.deepEqual(installFiles(request).written, [".podwire/cni.cjs"]);
  assert.equal(read(binDir, ".podwire/cni.cjs"), "newer");
});

test("installFiles replaces launchers of an earlier version, with or without a manifest", () => {
  using folders = testFolders();
  const { binDir, request } = folders;
  installFiles(request);
  writeFileSync(join(request.bundleFolder, "cni-launcher"), `${LAUNCHER} newer`);
  rmSync(join(binDir, ".podwire/manifest.json"));
  assert.deepEqual(installFiles(request).replaced, []);
  assert.equal(read(binDir, "ptp"), `${LAUNCHER} newer`);
});

test("installFiles refuses to overwrite a plugin of others, and then writes nothing at all", () => {
  using folders = testFolders();
  const { binDir, request } = folders;
  mkdirSync(binDir);
  writeFileSync(join(binDir, "ptp"), "reference plugin");
  assert.throws(
    () => installFiles(request),
    (error) => error instanceof CliError && error.exitCode === 1 && /"\S+\/ptp": another file/.test(error.message),
  );
  assert.deepEqual(readdirSync(binDir), ["ptp"]);
});

test("installFiles with replace keeps the other's plugin, and uninstallFiles puts it back", () => {
  using folders = testFolders({ onForeign: "replace" });
  const { binDir, request } = folders;
  mkdirSync(binDir);
  writeFileSync(join(binDir, "ptp"), "reference plugin", { mode: 0o755 });
  const inode = statSync(join(binDir, "ptp")).ino;
  assert.deepEqual(installFiles(request).replaced, ["ptp"]);
  assert.equal(read(binDir, "ptp"), LAUNCHER);
  assert.equal(read(binDir, ".podwire/replaced/ptp"), "reference plugin");
  assert.deepEqual(installFiles(request).replaced, []);

  assert.deepEqual(uninstallFiles(binDir).restored, ["ptp"]);
  assert.deepEqual(readdirSync(binDir), ["ptp"]);
  assert.equal(statSync(join(binDir, "ptp")).ino, inode);
});

test("installFiles never overwrites a network configuration of others", () => {
  using folders = testFolders({ onForeign: "replace" });
  const { request } = folders;
  const path = request.conflist?.path ?? "";
  installFiles(request);
  installFiles({ ...request, conflist: { path, content: "another subnet" } });
  assert.equal(read(path), "another subnet");
  writeFileSync(path, "edited");
  assert.throws(() => installFiles(request), /10-podwire\.conflist": another file is there/);
  assert.equal(read(path), "edited");
});

test("uninstallFiles removes everything of ours, any number of times", () => {
  using folders = testFolders();
  const { binDir, request } = folders;
  installFiles(request);
  mkdirSync(join(binDir, ".podwire/compile-cache"));
  assert.equal(uninstallFiles(binDir).removed.length, BUNDLE_FILES.length + 1 + 2 + 1);
  assert.deepEqual(readdirSync(binDir), []);
  assert.deepEqual(readdirSync(join(binDir, "../net.d")), []);
  assert.deepEqual(uninstallFiles(binDir), { removed: [], restored: [], kept: [] });
});

test("uninstallFiles leaves alone what was changed since", () => {
  using folders = testFolders();
  const { binDir, request } = folders;
  installFiles(request);
  writeFileSync(join(binDir, "bridge"), "somebody else's");
  assert.deepEqual(uninstallFiles(binDir).kept, ["bridge"]);
  assert.deepEqual(readdirSync(binDir), ["bridge"]);
});

test("readManifest names a damaged manifest", () => {
  using folders = testFolders();
  const { binDir, request } = folders;
  installFiles(request);
  writeFileSync(join(binDir, ".podwire/manifest.json"), '{"files": {"bridge": 7}}');
  assert.throws(() => readManifest(binDir), /manifest\.json": it is damaged/);
});
