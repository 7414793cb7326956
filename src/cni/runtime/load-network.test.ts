import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { CniError } from "../cni-error.ts";
import { loadNetwork, loadNetworkFile, parseNetworkList } from "./load-network.ts";

/** A configuration folder with these files. */
function netD(context: TestContext, files: Readonly<Record<string, string | object>>): string {
  const directory = mkdtempSync(join(tmpdir(), "podwire-net.d-"));
  context.after(() => rmSync(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return directory;
}

const list = (name: string, ...types: string[]) => ({
  cniVersion: "1.0.0",
  name,
  plugins: types.map((type) => ({ type })),
});

async function loadedTypes(directory: string, name: string): Promise<readonly string[]> {
  const network = await loadNetwork(directory, name);
  return network.plugins.map((plugin) => plugin.type);
}

test("loadNetwork takes the first list of that name, in the order of file names", async (context) => {
  const directory = netD(context, {
    "30-b.conflist": list("net", "third"),
    "10-a.conflist": list("other", "first"),
    "20-a.conflist": list("net", "second"),
  });
  assert.deepEqual(await loadedTypes(directory, "net"), ["second"]);
});

test("loadNetwork stops at a broken list, even of another name", async (context) => {
  const directory = netD(context, { "10-a.conflist": "{", "20-b.conflist": list("net", "bridge") });
  await assert.rejects(loadNetwork(directory, "net"), { message: /^error parsing configuration list: / });
});

test("loadNetwork prefers a list to a single configuration, and does not read those behind the one it wants", async (context) => {
  const directory = netD(context, {
    "10-a.conf": { name: "net", type: "single" },
    "20-a.conflist": list("net", "listed"),
    "30-a.conflist": "{",
  });
  assert.deepEqual(await loadedTypes(directory, "net"), ["listed"]);
});

for (const ending of ["conf", "json"]) {
  test(`loadNetwork makes a list of a single .${ending}, and keeps its name and version`, async (context) => {
    const single = { cniVersion: "0.3.1", name: "net", type: "bridge", mtu: 1400 };
    const directory = netD(context, {
      "05-x.conflist": list("x", "x"),
      "07-y.conf": { name: "y", type: "y" },
      [`10-a.${ending}`]: single,
    });
    const network = await loadNetwork(directory, "net");
    assert.equal(network.cniVersion, "0.3.1");
    assert.deepEqual(
      network.plugins.map((plugin) => plugin.json),
      [single],
    );
  });
}

test("loadNetwork says that there are no configurations", async (context) => {
  const directory = netD(context, { "a.txt": "", "b.conflist/x": "", "c.conf.bak": "{" });
  await assert.rejects(loadNetwork(directory, "net"), { message: `no net configurations found in ${directory}` });
  const missing = join(directory, "missing");
  await assert.rejects(loadNetwork(missing, "net"), { message: `no net configurations found in ${missing}` });
});

for (const file of ["10-a.conflist", "10-a.conf"]) {
  test(`loadNetwork says that no configuration has the name, where there is ${file}`, async (context) => {
    const directory = netD(context, { [file]: { ...list("other", "bridge"), type: "bridge" } });
    await assert.rejects(loadNetwork(directory, "net"), {
      message: `no net configuration with name "net" in ${directory}`,
    });
  });
}

test("loadNetwork appends the plugins of the folder that is named like the network", async (context) => {
  const directory = netD(context, {
    "10-a.conflist": list("net", "bridge"),
    "net/20.conf": { type: "second" },
    "net/10.conf": { type: "first" },
    "net/30.json": { type: "ignored" },
    "other/10.conf": { type: "ignored" },
  });
  assert.deepEqual(await loadedTypes(directory, "net"), ["bridge", "first", "second"]);
});

test("loadNetworkFile follows loadOnlyInlinedPlugins", async (context) => {
  const directory = netD(context, {
    "only.conflist": { ...list("net", "bridge"), loadOnlyInlinedPlugins: true },
    "folder.conflist": { name: "net" },
    "none.conflist": { name: "lonely" },
    "net/10.conf": { type: "first" },
  });
  const types = async (file: string) =>
    (await loadNetworkFile(join(directory, file))).plugins.map((plugin) => plugin.type);
  assert.deepEqual(await types("only.conflist"), ["bridge"]);
  assert.deepEqual(await types("folder.conflist"), ["first"]);
  await assert.rejects(types("none.conflist"), { message: "no plugin configs found" });
});

test("loadNetworkFile names the file that it cannot read", async (context) => {
  const directory = netD(context, {});
  symlinkSync("/nowhere", join(directory, "10-a.conflist"));
  await assert.rejects(loadNetwork(directory, "net"), { message: /^error reading .*10-a.conflist: ENOENT/ });
});

const VERSIONS = [
  [{ cniVersion: "0.4.0", cniVersions: ["1.0.0", "1.1.0", "1.2.0"] }, "1.1.0"],
  [{ cniVersion: "1.1.0", cniVersions: ["0.3.1"] }, "1.1.0"],
  [{ cniVersion: "2.0.0", cniVersions: ["0.3.1", "0.4.0"] }, "0.4.0"],
  [{ cniVersion: "2.0.0", cniVersions: ["3.0.0"] }, "2.0.0"],
  [{ cniVersions: ["1.0.0", "0.10.0"] }, "1.0.0"],
  [{ cniVersions: [] }, ""],
  [{ cniVersion: "9.9" }, "9.9"],
  [{}, ""],
] as const;

for (const [keys, version] of VERSIONS) {
  test(`parseNetworkList chooses ${JSON.stringify(version)} of ${JSON.stringify(keys)}`, () => {
    const source = JSON.stringify({ name: "n", plugins: [{ type: "bridge" }], ...keys });
    assert.equal(parseNetworkList(source).cniVersion, version);
  });
}

for (const [value, expected] of [
  [true, true],
  [false, false],
  ["True", true],
  ["FALSE", false],
] as const) {
  test(`parseNetworkList reads switches from ${JSON.stringify(value)}`, () => {
    const keys = { disableCheck: value, disableGC: value, loadOnlyInlinedPlugins: value };
    const network = parseNetworkList(JSON.stringify({ ...list("n", "bridge"), ...keys }));
    const { disableCheck, disableGC, loadOnlyInlinedPlugins } = network;
    assert.deepEqual([disableCheck, disableGC, loadOnlyInlinedPlugins], [expected, expected, expected]);
  });
}

const PREFIX = "error parsing configuration list: ";
const REFUSED = [
  [{ plugins: [] }, `${PREFIX}no name`],
  [{ NAME: "n" }, `${PREFIX}no name`],
  [{ name: 5 }, `${PREFIX}invalid name type number`],
  [{ name: "n", cniVersion: 5 }, `${PREFIX}invalid cniVersion type number`],
  [{ name: "n", cniVersions: "1.0.0" }, `${PREFIX}invalid type for cniVersions: string`],
  [{ name: "n", cniVersions: ["1.0.0", 5] }, `${PREFIX}invalid type for cniVersions index 1: number`],
  [
    { name: "n", cniVersions: ["x"] },
    `${PREFIX}invalid cniVersions entry x: failed to convert major version part "x": it is not a number`,
  ],
  [{ name: "n", disableCheck: "yes" }, `${PREFIX}invalid value "yes" for disableCheck`],
  [{ name: "n", disableGC: 1 }, `${PREFIX}invalid type number for disableGC`],
  [{ name: "n", loadOnlyInlinedPlugins: "true" }, `${PREFIX}\`loadOnlyInlinedPlugins\` is true, and no 'plugins' key`],
  [{ name: "n", plugins: {} }, `${PREFIX}invalid 'plugins' type object`],
  [{ name: "n", plugins: [] }, `${PREFIX}no plugins in list`],
  [
    { name: "n", plugins: [{ type: "a" }, { mtu: 1 }] },
    "failed to parse plugin config 1: error parsing configuration: missing 'type'",
  ],
] as const;

for (const [json, message] of REFUSED) {
  test(`parseNetworkList refuses ${JSON.stringify(json)}`, () => {
    assert.throws(() => parseNetworkList(JSON.stringify(json)), { name: "CniError", message });
  });
}

test("parseNetworkList reads capabilities, and the keys of plugins in any case", () => {
  const plugin = { TYPE: "portmap", capabilities: { portMappings: true, bandwidth: false } };
  const [first] = parseNetworkList(JSON.stringify({ name: "n", plugins: [plugin] })).plugins;
  assert.equal(first?.type, "portmap");
  assert.deepEqual([...(first?.capabilities ?? [])], Object.entries(plugin.capabilities));
});

test("parseNetworkList gives a network or a CniError", () => {
  const value = fc.jsonValue({ maxDepth: 2 });
  const key = fc.constantFrom("name", "cniVersion", "cniVersions", "plugins", "disableCheck", "disableGC");
  const json = fc.dictionary(key, fc.oneof(value, fc.constant("n"), fc.array(fc.record({ type: value }))));
  fc.assert(
    fc.property(
      fc.oneof(
        json.map((one) => JSON.stringify(one)),
        fc.string(),
      ),
      (source) => {
        try {
          parseNetworkList(source);
        } catch (error) {
          assert.ok(error instanceof CniError);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
