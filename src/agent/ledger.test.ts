import assert from "node:assert/strict";
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { AttachmentFacts } from "#plugins/host.ts";
import {
  compactJournal,
  isJournalLong,
  type Ledger,
  type LedgerKey,
  type LedgerRecord,
  openLedger,
  type Phase,
} from "./ledger.ts";

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

/** For a cached ledger, which takes the journal for its own. */
function temporaryCopy(folder: string): ReturnType<typeof temporaryLedger> {
  const copy = temporaryLedger();
  cpSync(folder, copy.folder, { recursive: true });
  return copy;
}

const journalOf = (folder: string): string => join(folder, "journal");

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
    using ledger = openLedger(temporary.folder, EPOCH, mode);
    const expect = (expected: LedgerRecord | undefined): void => {
      for (const each of [ledger, openLedger(temporary.folder, "boot/2", "uncached")]) {
        assert.deepEqual(each.find(keyOf("c1")), expected);
        assert.deepEqual(each.all(), expected ? [expected] : []);
      }
      const copy = temporaryCopy(temporary.folder);
      assert.deepEqual(openLedger(copy.folder, "boot/2", "cached").all(), expected ? [expected] : []);
      copy[Symbol.dispose]();
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
    using ledger = openLedger(temporary.folder, EPOCH, mode);
    ledger.commit(keyOf("c1"), facts);
    ledger.startDelete(keyOf("c1"));
    ledger.remove(keyOf("c1"));
    assert.deepEqual(ledger.all(), []);
    if (mode === "uncached") assert.deepEqual(readdirSync(temporary.folder), []);
  });

  for (const phase of ["adding", "added", "deleting"] as const) {
    test(`begin of a ${mode} ledger takes the place of a record that is ${phase}`, () => {
      using temporary = temporaryLedger();
      using ledger = openLedger(temporary.folder, EPOCH, mode);
      bringTo(ledger, "c1", phase);
      ledger.begin({ ...input("c1"), args: "again" });
      const expected = { ...input("c1"), args: "again", epoch: EPOCH, phase: "adding", facts: undefined };
      assert.deepEqual(ledger.all(), [expected]);
      assert.deepEqual(openLedger(temporary.folder, EPOCH, "cached").all(), [expected]);
    });
  }
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

test("names that begin or end alike are told apart", () => {
  using temporary = temporaryLedger();
  using ledger = openLedger(temporary.folder, EPOCH, "uncached");
  for (const id of ["a", "aa", "a.a"]) bringTo(ledger, id, "added");
  assert.deepEqual(
    ledger
      .all()
      .map(({ containerId }) => containerId)
      .toSorted(),
    ["a", "a.a", "aa"],
  );
});

for (const phase of ["adding", "added", "deleting"] as const) {
  test(`whatever a kill leaves of the last line, the record is ${phase} until the next step is whole`, () => {
    using temporary = temporaryLedger();
    using ledger = openLedger(temporary.folder, EPOCH, "uncached");
    bringTo(ledger, "c1", phase);
    const whole = readFileSync(journalOf(temporary.folder), "utf8");
    ledger.remove(keyOf("c1"));
    const line = readFileSync(journalOf(temporary.folder), "utf8").slice(whole.length);
    // Its last byte is a newline that nobody needs.
    for (let length = 0; length < line.length - 1; length++) {
      writeFileSync(journalOf(temporary.folder), whole + line.slice(0, length));
      assert.equal(ledger.find(keyOf("c1"))?.phase, phase);
      ledger.begin(input("c2"));
      assert.deepEqual(phasesOf(openLedger(temporary.folder, EPOCH, "uncached")), { c1: phase, c2: "adding" });
    }
  });
}

const phasesOf = (ledger: Ledger): Readonly<Record<string, Phase>> =>
  Object.fromEntries(ledger.all().map(({ containerId, phase }) => [containerId, phase]));

test("lines that say nothing are passed over", () => {
  using temporary = temporaryLedger();
  using ledger = openLedger(temporary.folder, EPOCH, "uncached");
  bringTo(ledger, "c1", "added");
  const strange = ["\0\0\0", "[", "{}", "[1]", '["gone"]', '["added","c1:eth0:net:bridge"]', '["adding","x",[]]', "[]"];
  appendFileSync(journalOf(temporary.folder), strange.join("\n"));
  bringTo(ledger, "c2", "added");
  for (const mode of MODES) {
    assert.deepEqual(phasesOf(openLedger(temporary.folder, EPOCH, mode)), { c1: "added", c2: "added" });
  }
});

test("the journal of an agent does not grow with what is gone", () => {
  using temporary = temporaryLedger();
  using ledger = openLedger(temporary.folder, EPOCH, "cached");
  bringTo(ledger, "lasting", "added");
  const big = { ...input("c1"), args: "x".repeat(100_000) };
  let largest = 0;
  for (let round = 0; round < 50; round++) {
    ledger.begin(big);
    ledger.remove(big);
    largest = Math.max(largest, statSync(journalOf(temporary.folder)).size);
  }
  assert.ok(largest > 900_000 && largest < 1_200_000, `largest journal: ${largest} bytes of 5 million`);
  assert.deepEqual(phasesOf(openLedger(temporary.folder, EPOCH, "uncached")), { lasting: "added" });
});

test("compactJournal leaves the records and takes away what is gone, when that is most of it", () => {
  using temporary = temporaryLedger();
  using ledger = openLedger(temporary.folder, EPOCH, "uncached");
  for (const phase of ["adding", "added", "deleting"] as const) bringTo(ledger, phase, phase);
  const records = ledger.all();
  const size = (): number => statSync(journalOf(temporary.folder)).size;
  const needed = size();
  compactJournal(temporary.folder);
  assert.equal(size(), needed);
  assert.equal(isJournalLong(temporary.folder), false);
  const big = { ...input("c1"), args: "x".repeat(1_100_000) };
  ledger.begin(big);
  ledger.remove(big);
  assert.equal(isJournalLong(temporary.folder), true);
  compactJournal(temporary.folder);
  assert.equal(size(), needed);
  assert.deepEqual(ledger.all(), records);
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
    [Symbol.dispose]: () => undefined,
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
        using opened = new DisposableStack();
        let ledger = opened.use(openLedger(temporary.folder, EPOCH, mode));
        const model = modelLedger(EPOCH);
        for (const { verb, id, text } of steps) {
          for (const each of [ledger, model]) {
            if (verb === "begin") each.begin({ ...input(id), args: text, config: { [text]: text } });
            if (verb === "commit") each.commit(keyOf(id), { hostLink: text });
            if (verb === "startDelete") each.startDelete(keyOf(id));
            if (verb === "remove") each.remove(keyOf(id));
          }
          if (verb === "reopen") ledger = opened.use(openLedger(temporary.folder, EPOCH, mode));
          assert.deepEqual(byContainer(ledger.all()), byContainer(model.all()));
          assert.deepEqual(ledger.find(keyOf(id)), model.find(keyOf(id)));
        }
      }),
      { numRuns: 200 },
    );
  });
}
