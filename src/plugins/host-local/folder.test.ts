/** The store on disk: its format, what it makes of other people's files, and its lock. */
import assert from "node:assert/strict";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type IpAddress, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { CniError } from "#cni/cni-error.ts";
import { call, LOCK_EX, LOCK_NB, LOCK_UN } from "#kernel/syscalls/syscalls.ts";
import { temporaryFolder } from "../testing/temporary-folder.ts";
import { type AddressFoldersOptions, createAddressFolders } from "./address-folders.ts";
import type { AddressFolder } from "./folder.ts";
import { resolveRangeSets } from "./ranges.ts";

const A = parseAddress("10.1.0.2");
const B = parseAddress("10.1.0.3");
const OWNER = { containerId: "c1", ifname: "eth0" };
const OTHER = { containerId: "c2", ifname: "eth0" };

function setup(context: TestContext, options: AddressFoldersOptions = {}) {
  const dataDir = temporaryFolder(context);
  const folders = createAddressFolders({ cacheDir: join(dataDir, "cache"), ...options });
  context.after(() => folders[Symbol.dispose]());
  const location = { dataDir, network: "net" };
  return {
    path: join(dataDir, "net"),
    folders,
    location,
    locked: <T>(work: (folder: AddressFolder) => T) => folders.locked(location, work),
  };
}

function testSet(subnet = "10.1.0.0/29") {
  const [set] = resolveRangeSets([[{ subnet: parsePrefix(subnet) }]], "1.1.0");
  assert.ok(set);
  return set;
}

function mode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

test("AddressFolders writes the format of the reference", async (context) => {
  const { path, locked } = setup(context);
  await locked((folder) => folder.reserve(OWNER, A, 3));
  assert.deepEqual(readdirSync(path).toSorted(), ["10.1.0.2", "last_reserved_ip.3", "lock"]);
  assert.equal(readFileSync(join(path, "10.1.0.2"), "utf8"), "c1\r\neth0");
  assert.equal(readFileSync(join(path, "last_reserved_ip.3"), "utf8"), "10.1.0.2");
  assert.equal(readFileSync(join(path, "lock"), "utf8"), "");
  const modes = [path, ...["10.1.0.2", "last_reserved_ip.3", "lock"].map((name) => join(path, name))].map(mode);
  assert.deepEqual(modes, ["755", "600", "600", "750"]);
});

test("AddressFolders.lockedIfPresent makes nothing", async (context) => {
  const { path, folders, location } = setup(context);
  assert.equal(await folders.lockedIfPresent(location, () => 1), undefined);
  assert.equal(existsSync(path), false);
});

const FOREIGN_CHANGES: readonly { what: string; change(path: string): void; after: readonly string[] }[] = [
  {
    what: "a file made",
    change: (path) => writeFileSync(join(path, "10.1.0.4"), "c2\r\neth0"),
    after: [A, B, "10.1.0.4"],
  },
  { what: "a file removed", change: (path) => unlinkSync(join(path, B)), after: [A] },
  { what: "a file replaced", change: (path) => replace(join(path, B), "c9\r\neth0"), after: [A] },
  { what: "the folder removed", change: (path) => renameSync(path, `${path}-old`), after: [] },
  {
    what: "the folder replaced",
    change(path) {
      renameSync(path, `${path}-old`);
      mkdirSync(path);
      writeFileSync(join(path, "10.1.0.6"), "c1\r\neth0");
    },
    after: ["10.1.0.6"],
  },
];

function replace(path: string, content: string): void {
  unlinkSync(path);
  writeFileSync(path, content);
}

for (const { what, change, after } of FOREIGN_CHANGES) {
  test(`AddressFolders notices ${what} by somebody else`, async (context) => {
    const { path, locked } = setup(context);
    await locked((folder) => [folder.reserve(OWNER, A, 0), folder.reserve(OWNER, B, 0)]);
    change(path);
    const found = await locked((folder) => [OWNER, OTHER].flatMap((owner) => folder.addressesOf(owner)).toSorted());
    assert.deepEqual(found, after);
    // And what it is then is remembered just as well.
    assert.equal(await locked((folder) => folder.isTaken(A)), after.includes(A));
  });
}

test("AddressFolders notices a change whose time is set back", async (context) => {
  const { path, locked } = setup(context);
  await locked((folder) => folder.reserve(OWNER, A, 0));
  const { atime, mtime } = statSync(path);
  writeFileSync(join(path, B), "c2\r\neth0");
  utimesSync(path, atime, mtime);
  assert.equal(await locked((folder) => folder.isTaken(B)), true);
});

test("AddressFolders reads a folder once, not for every operation", async (context) => {
  const { path, locked } = setup(context);
  await locked((folder) => folder.reserve(OWNER, A, 0));
  // Changing a file in place is what no implementation does, so it shows whether the file is read.
  writeFileSync(join(path, A), "c2\r\neth0");
  assert.deepEqual(await locked((folder) => folder.addressesOf(OWNER)), [A]);
});

for (const content of ["", "\0\0\0\0"]) {
  test(`AddressFolders takes a file with content ${JSON.stringify(content)} for a crash's, and frees it`, async (context) => {
    const { path, locked } = setup(context);
    mkdirSync(path);
    writeFileSync(join(path, A), content);
    const free = await locked((folder) => folder.nextFree(testSet(), 0));
    assert.equal(free?.address, A);
    assert.equal(existsSync(join(path, A)), false);
    assert.equal(await locked((folder) => folder.reserve(OWNER, A, 0)), true);
  });
}

const FOREIGN_FILES: readonly { name: string; make(path: string): void; isTaken: boolean }[] = [
  { name: "10.1.0.2", make: (path) => writeFileSync(path, "blocked by hand\n"), isTaken: true },
  { name: "10.1.0.2", make: (path) => writeFileSync(path, "\n"), isTaken: true },
  { name: "10.1.0.2", make: (path) => mkdirSync(path), isTaken: true },
  { name: "10.1.0.2", make: (path) => symlinkSync("/nowhere", path), isTaken: true },
  { name: "10.1.0.2.bak", make: (path) => writeFileSync(path, "c1\r\neth0"), isTaken: false },
  { name: "010.1.0.2", make: (path) => writeFileSync(path, "c1\r\neth0"), isTaken: false },
  { name: "::ffff:10.1.0.2", make: (path) => writeFileSync(path, "c1\r\neth0"), isTaken: false },
  { name: "sub", make: (path) => mkdirSync(path), isTaken: false },
];

for (const [index, { name, make, isTaken }] of FOREIGN_FILES.entries()) {
  test(`AddressFolders leaves foreign file ${index} "${name}" alone`, async (context) => {
    const { path, locked } = setup(context);
    mkdirSync(path);
    make(join(path, name));
    await locked((folder) => {
      assert.equal(folder.isTaken(A), isTaken);
      assert.deepEqual(folder.addressesOf(OWNER), []);
      assert.equal(folder.reserve(OWNER, A, 0), !isTaken);
      folder.release(OWNER);
    });
    assert.ok(readdirSync(path).includes(name));
  });
}

test("AddressFolders.release takes files of the interface, or else those that name none", async (context) => {
  const { path, locked } = setup(context);
  mkdirSync(path);
  const files = { "10.1.0.2": "c1\r\neth0\n", "10.1.0.3": "c1\r\nnet1", "10.1.0.4": "c1", "10.1.0.5": "c1\n" };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  const left = () => Object.keys(files).filter((name) => existsSync(join(path, name)));
  const steps = [
    { ifname: "eth9", after: ["10.1.0.2", "10.1.0.3"] },
    { ifname: "eth0", after: ["10.1.0.3"] },
    { ifname: "eth0", after: ["10.1.0.3"] },
    { ifname: "net1", after: [] },
  ];
  for (const { ifname, after } of steps) {
    await locked((folder) => folder.release({ containerId: "c1", ifname }));
    assert.deepEqual(left(), after);
  }
});

for (const content of ["", "10.1.0.99", "10.1.0.3\n", "nonsense"]) {
  test(`AddressFolders starts at the front when the last address is ${JSON.stringify(content)}`, async (context) => {
    const { path, locked } = setup(context);
    mkdirSync(path);
    writeFileSync(join(path, "last_reserved_ip.0"), content);
    assert.equal((await locked((folder) => folder.nextFree(testSet(), 0)))?.address, A);
  });
}

test("AddressFolders.reserve sees a file that somebody made without lock", async (context) => {
  const { path, locked } = setup(context);
  await locked((folder) => {
    writeFileSync(join(path, A), "c2\r\neth0");
    assert.equal(folder.isTaken(A), false);
    assert.equal(folder.reserve(OWNER, A, 0), false);
    assert.equal(folder.isTaken(A), true);
  });
});

test("AddressFolders reports what the disk refuses as an I/O failure", async (context) => {
  const { location, folders } = setup(context);
  writeFileSync(join(location.dataDir, "file"), "");
  const dataDir = join(location.dataDir, "file");
  await assert.rejects(
    folders.locked({ ...location, dataDir }, () => 1),
    isCniError(5),
  );
});

function isCniError(code: number): (error: unknown) => boolean {
  return (error) => error instanceof CniError && error.code === code;
}

function foreignLock(context: TestContext, path: string): { lock(): void; unlock(): void; tryLock(): boolean } {
  mkdirSync(path, { recursive: true });
  const fd = openSync(join(path, "lock"), "a");
  context.after(() => closeSync(fd));
  return {
    lock: () => void call("flock", "lock", fd, LOCK_EX),
    unlock: () => void call("flock", "unlock", fd, LOCK_UN),
    tryLock() {
      try {
        return call("flock", "lock", fd, LOCK_EX | LOCK_NB) === 0;
      } catch {
        return false; // busy
      }
    },
  };
}

test("AddressFolders waits for the lock, and lets operations take turns", async (context) => {
  const { path, locked } = setup(context);
  const foreign = foreignLock(context, path);
  foreign.lock();
  const order: number[] = [];
  const operations = [1, 2, 3].map((number) => locked(() => order.push(number)));
  await new Promise(setImmediate);
  assert.deepEqual(order, []);
  foreign.unlock();
  await Promise.all(operations);
  assert.deepEqual(order, [1, 2, 3]);
  assert.equal(foreign.tryLock(), true, "the lock is given back");
});

test("AddressFolders gives up on a lock in time, and uses it when it is free again", async (context) => {
  const { path, locked } = setup(context, { lockTimeoutMs: 20 });
  const foreign = foreignLock(context, path);
  foreign.lock();
  await assert.rejects(
    locked(() => 1),
    isCniError(11),
  );
  const [first, second] = [locked(() => 1), locked(() => 2)];
  await assert.rejects(first, (error) => error instanceof CniError && error.message.includes(`"${path}/lock"`));
  await assert.rejects(second, isCniError(11));
  foreign.unlock();
  assert.equal(await locked(() => 3), 3);
  assert.equal(foreign.tryLock(), true);
});

test("AddressFolders does not wait for the lock of a folder that was replaced", async (context) => {
  const { path, locked } = setup(context, { lockTimeoutMs: 20 });
  const foreign = foreignLock(context, path);
  foreign.lock();
  await assert.rejects(
    locked(() => 1),
    isCniError(11),
  );
  renameSync(path, `${path}-old`);
  assert.equal(await locked(() => 2), 2);
  foreign.unlock();
});

const BOOT_MS = Date.now() - 60_000;
const STALENESS: readonly { what: string; isOld: boolean; cache: object | string | undefined; isStale: boolean }[] = [
  { what: "older than the boot, namespace gone", isOld: true, cache: cached("/run/netns/podwire-none"), isStale: true },
  { what: "younger than the boot", isOld: false, cache: cached("/run/netns/podwire-none"), isStale: false },
  { what: "namespace exists", isOld: true, cache: cached("/proc/self/ns/net"), isStale: false },
  { what: "no cache", isOld: true, cache: undefined, isStale: false },
  { what: "no namespace in the cache", isOld: true, cache: cached(""), isStale: false },
  { what: "cache of another attachment", isOld: true, cache: { ...cached("/none"), ifName: "x" }, isStale: false },
  { what: "cache of the older form", isOld: true, cache: { cniVersion: "0.4.0", ips: [] }, isStale: false },
  { what: "broken cache", isOld: true, cache: "{", isStale: false },
];

function cached(netns: string) {
  return { kind: "cniCacheV1", containerId: "c1", ifName: "eth0", networkName: "net", netns };
}

for (const { what, isOld, cache, isStale } of STALENESS) {
  test(`AddressFolder.findStale: ${what}`, async (context) => {
    const { path, locked, location } = setup(context, { bootTimeMs: () => BOOT_MS });
    await locked((folder) => folder.reserve(OWNER, A, 0));
    const results = join(location.dataDir, "cache", "results");
    mkdirSync(results, { recursive: true });
    const file = join(results, "net-c1-eth0");
    if (cache !== undefined) writeFileSync(file, typeof cache === "string" ? cache : JSON.stringify(cache));
    if (isOld) utimesSync(join(path, A), BOOT_MS / 1000 - 9, BOOT_MS / 1000 - 9);
    const found: readonly IpAddress[] = await locked((folder) => folder.findStale(testSet()));
    assert.deepEqual(found, isStale ? [A] : []);
    assert.deepEqual(await locked((folder) => folder.findStale(testSet("10.9.0.0/24"))), []);
  });
}
