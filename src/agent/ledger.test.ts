import assert from "node:assert/strict";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { AttachmentFacts } from "#plugins/host.ts";
import { type Ledger, type LedgerKey, type LedgerRecord, openLedger, type Phase } from "./ledger.ts";

const EPOCH = "boot/1";
const MODES = ["cached", "uncached"] as const;
const facts: AttachmentFacts = {
  hostLink: "veth1",
  nat: { masquerades: [{ address: "10.1.0.2", subnet: "10.1.0.0/16" }], hostPorts: [] },
};

function temporaryLedger(): Disposable & { readonly folder: string } {
  const parent = mkdtempSync(join(tmpdir(), "podwire-ledger-"));
  return { folder: join(parent, "ledger"), [Symbol.dispose]: () => rmSync(parent, { recursive: true }) };
}

const keyOf = (containerId: string): LedgerKey => ({ network: "net", containerId, ifname: "eth0", plugin: "bridge" });
const input = (containerId: string) => ({
  ...keyOf(containerId),
  netns: `/run/netns/${containerId}`,
  args: "K=V",
  path: "/opt/cni/bin",
  config: { name: "net", type: "bridge", text: 'new\nline "quoted" \u2028 ü' },
});

for (const mode of MODES) {
  test(`a ${mode} ledger knows each phase, and so does one that is opened later`, () => {
    using temporary = temporaryLedger();
    const ledger = openLedger(temporary.folder, EPOCH, mode);
    const expect = (expected: LedgerRecord | undefined): void => {
      for (const each of [ledger, openLedger(temporary.folder, "boot/2", "uncached")]) {
        assert.deepEqual(each.find(keyOf("c1")), expected);
        assert.deepEqual(each.all(), expected ? [expected] : []);
      }
      assert.deepEqual(openLedger(temporary.folder, "boot/2", "cached").all(), expected ? [expected] : []);
      assert.equal(readdirSync(temporary.folder).length, expected ? 1 : 0);
    };
    const base = { ...input("c1"), epoch: EPOCH };
    expect(undefined);
    ledger.begin(input("c1"));
    expect({ ...base, phase: "adding", facts: undefined });
    ledger.commit(keyOf("c1"), facts);
    expect({ ...base, phase: "added", facts });
    ledger.commit(keyOf("c1"), { ...facts, hostLink: "veth2" });
    expect({ ...base, phase: "added", facts: { ...facts, hostLink: "veth2" } });
    ledger.startDelete(keyOf("c1"));
    expect({ ...base, phase: "deleting", facts: { ...facts, hostLink: "veth2" } });
    ledger.startDelete(keyOf("c1"));
    ledger.remove(keyOf("c1"));
    expect(undefined);
  });

  test(`a ${mode} ledger has nothing to do for an attachment that it does not know`, () => {
    using temporary = temporaryLedger();
    const ledger = openLedger(temporary.folder, EPOCH, mode);
    ledger.commit(keyOf("c1"), facts);
    ledger.startDelete(keyOf("c1"));
    ledger.remove(keyOf("c1"));
    assert.deepEqual([ledger.all(), readdirSync(temporary.folder)], [[], []]);
  });

  for (const phase of ["adding", "added", "deleting"] as const) {
    test(`begin of a ${mode} ledger takes the place of a record that is ${phase}`, () => {
      using temporary = temporaryLedger();
      const ledger = openLedger(temporary.folder, EPOCH, mode);
      bringTo(ledger, "c1", phase);
      ledger.begin({ ...input("c1"), args: "again" });
      const expected = { ...input("c1"), args: "again", epoch: EPOCH, phase: "adding", facts: undefined };
      assert.deepEqual(ledger.all(), [expected]);
      assert.deepEqual(openLedger(temporary.folder, EPOCH, "cached").all(), [expected]);
      assert.deepEqual(readdirSync(temporary.folder), ["c1:eth0:net:bridge.adding"]);
    });
  }

  test(`remove of a ${mode} ledger also removes a record that was cut short`, () => {
    using temporary = temporaryLedger();
    openLedger(temporary.folder, EPOCH, "uncached").begin(input("c1"));
    truncateSync(join(temporary.folder, "c1:eth0:net:bridge.adding"), 10);
    openLedger(temporary.folder, EPOCH, mode).remove(keyOf("c1"));
    assert.deepEqual(readdirSync(temporary.folder), []);
  });
}

function bringTo(ledger: Ledger, containerId: string, phase: Phase): void {
  ledger.begin(input(containerId));
  if (phase !== "adding") ledger.commit(keyOf(containerId), facts);
  if (phase === "deleting") ledger.startDelete(keyOf(containerId));
}

test("records are for root's eyes only: configurations may hold secrets", () => {
  using temporary = temporaryLedger();
  openLedger(temporary.folder, EPOCH, "uncached").begin(input("c1"));
  assert.equal(statSync(temporary.folder).mode & 0o777, 0o700);
  for (const name of readdirSync(temporary.folder)) {
    assert.equal(statSync(join(temporary.folder, name)).mode & 0o777, 0o600);
  }
});

test("names that are too long for a file are told apart all the same", () => {
  using temporary = temporaryLedger();
  const ledger = openLedger(temporary.folder, EPOCH, "cached");
  const long = (last: string): string => `${"x".repeat(250)}${last}`;
  ledger.begin(input(long("1")));
  ledger.begin(input(long("2")));
  ledger.commit(keyOf(long("2")), facts);
  const again = openLedger(temporary.folder, EPOCH, "cached");
  assert.deepEqual(
    again
      .all()
      .map(({ containerId, phase }) => [containerId.at(-1), phase])
      .toSorted(),
    [
      ["1", "adding"],
      ["2", "added"],
    ],
  );
});

test("a container may be called like a phase", () => {
  using temporary = temporaryLedger();
  const ledger = openLedger(temporary.folder, EPOCH, "uncached");
  for (const id of ["a", "a.adding", "a.deleting"]) bringTo(ledger, id, "added");
  assert.deepEqual(
    ledger
      .all()
      .map(({ containerId }) => containerId)
      .toSorted(),
    ["a", "a.adding", "a.deleting"],
  );
});

test("whatever a kill leaves of the line of facts, the record is there", () => {
  using temporary = temporaryLedger();
  openLedger(temporary.folder, EPOCH, "uncached").begin(input("c1"));
  const path = join(temporary.folder, "c1:eth0:net:bridge.adding");
  const whole = readFileSync(path, "utf8");
  const line = `${JSON.stringify(facts)}\n`;
  for (let length = 0; length <= line.length; length++) {
    writeFileSync(path, whole + line.slice(0, length));
    const [record] = openLedger(temporary.folder, EPOCH, "cached").all();
    assert.equal(record?.phase, "adding");
    assert.deepEqual(record?.facts, length === line.length ? facts : undefined);
  }
});

test("facts that are written behind a line that was cut short count", () => {
  using temporary = temporaryLedger();
  const ledger = openLedger(temporary.folder, EPOCH, "uncached");
  bringTo(ledger, "c1", "added");
  appendFileSync(join(temporary.folder, "c1:eth0:net:bridge"), '{"hostLink":"ve');
  ledger.commit(keyOf("c1"), { hostLink: "veth9" });
  assert.deepEqual(ledger.find(keyOf("c1"))?.facts, { hostLink: "veth9" });
});

/** The same, in memory. */
function modelLedger(epoch: string): Ledger {
  const records = new Map<string, LedgerRecord>();
  const find = ({ containerId }: LedgerKey): LedgerRecord | undefined => records.get(containerId);
  const change = (key: LedgerKey, changes: Partial<LedgerRecord>): void => {
    const record = find(key);
    if (record) records.set(key.containerId, { ...record, ...changes });
  };
  return {
    find,
    all: () => [...records.values()],
    begin: (given) => void records.set(given.containerId, { ...given, epoch, phase: "adding", facts: undefined }),
    commit: (key, noted) => change(key, { phase: "added", facts: noted }),
    startDelete: (key) => change(key, { phase: "deleting" }),
    remove: ({ containerId }) => void records.delete(containerId),
  };
}

const byContainer = (records: readonly LedgerRecord[]): readonly LedgerRecord[] =>
  records.toSorted((a, b) => (a.containerId < b.containerId ? -1 : 1));

for (const mode of MODES) {
  test(`a ${mode} ledger says after any steps what its model says, also when it is opened again`, () => {
    const step = fc.record({
      verb: fc.constantFrom("begin", "commit", "startDelete", "remove", "reopen"),
      id: fc.constantFrom("a", "b", "c"),
      text: fc.string({ unit: "grapheme" }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        using temporary = temporaryLedger();
        let ledger = openLedger(temporary.folder, EPOCH, mode);
        const model = modelLedger(EPOCH);
        for (const { verb, id, text } of steps) {
          for (const each of [ledger, model]) {
            if (verb === "begin") each.begin({ ...input(id), args: text, config: { [text]: text } });
            if (verb === "commit") each.commit(keyOf(id), { hostLink: text });
            if (verb === "startDelete") each.startDelete(keyOf(id));
            if (verb === "remove") each.remove(keyOf(id));
          }
          if (verb === "reopen") ledger = openLedger(temporary.folder, EPOCH, mode);
          assert.deepEqual(byContainer(ledger.all()), byContainer(model.all()));
          assert.deepEqual(ledger.find(keyOf(id)), model.find(keyOf(id)));
        }
        assert.equal(readdirSync(temporary.folder).length, model.all().length);
      }),
      { numRuns: 200 },
    );
  });
}
