/** What holds for leader elections on any store. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { lease as leaseKind } from "#api/kinds/lease.ts";
import type { Store } from "../../store/store.ts";
import { LEASE, refused, startCandidate, type TestCandidate, termsThatWrote } from "./test-candidate.ts";

export interface ElectionFixture {
  readonly name: string;
  readonly skip?: string | undefined;
  /** Two ways to one and the same empty store; may be the same object. */
  open(): Promise<readonly [Store, Store]>;
}

const TIMEOUT_MS = 60_000;
const never = new AbortController().signal;

export function testElection(fixture: ElectionFixture): void {
  const electionTest = (title: string, run: (a: Store, b: Store) => Promise<void>): void => {
    test(`${fixture.name}: ${title}`, { skip: fixture.skip ?? false, timeout: TIMEOUT_MS }, async () => {
      const [one, two] = await fixture.open();
      await using a = one;
      await using b = two;
      await run(a, b);
    });
  };

  electionTest("a leader that is paused loses to the other, and cannot write any more", async (one, two) => {
    await using a = startCandidate(one, "a");
    const first = await a.leading();
    await first.write();
    await using b = startCandidate(two, "b");
    await b.pass(14_000);
    assert.equal(b.terms.length, 0);
    await b.pass(4_000);
    const second = await b.leading();
    assert.equal(first.signal.aborted, false, "the first leader must not know yet");
    await refused(first);
    await second.write();
    await refused(first);
    await a.pass(4_000);
    assert.ok(first.signal.aborted);
    assert.equal(a.isLeader(), false);
    await second.write();
    assert.deepEqual(
      await termsThatWrote(b.client),
      [first, second].map(({ fence }) => String(fence.revision)),
    );
    const lease = await b.client.get(leaseKind, LEASE, never);
    assert.equal(lease.spec?.holderIdentity, "b");
    assert.equal(lease.spec?.leaseTransitions, 1);
  });

  electionTest("a leader that renews stays the leader", async (one, two) => {
    await using a = startCandidate(one, "a");
    const term = await a.leading();
    await using b = startCandidate(two, "b");
    for (let minute = 0; minute < 6; minute++) {
      await a.pass(10_000);
      await b.pass(10_000);
    }
    await term.write();
    assert.equal(a.terms.length, 1);
    assert.equal(b.terms.length, 0);
  });

  electionTest("a leader that stops in order hands over at once", async (one, two) => {
    await using b = startCandidate(two, "b");
    const first = await b.leading();
    await using a = startCandidate(one, "a");
    await a.clock.sleeping();
    await b[Symbol.asyncDispose]();
    await a.pass(3_000);
    const second = await a.leading();
    await refused(first);
    await second.write();
  });

  electionTest("a candidate that is paused between lease and fence does not lead", async (one, two) => {
    const reached = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const slow: Pick<Store, "get" | "write"> = {
      get: (key, signal) => one.get(key, signal),
      async write(request, signal) {
        reached.resolve();
        await gate.promise;
        return await one.write(request, signal);
      },
    };
    await using a = startCandidate(one, "a", { store: slow });
    await reached.promise;
    await using b = startCandidate(two, "b");
    await b.pass(18_000);
    const term = await b.leading();
    gate.resolve();
    await a.clock.sleeping();
    assert.equal(a.isLeader(), false);
    assert.match(a.errors[0] ?? "", /another revision than the fence/);
    await term.write();
  });

  electionTest("there are never two writers, whoever is paused for how long", async (one, two) => {
    await using a = startCandidate(one, "a");
    await using b = startCandidate(two, "b");
    const writeAll = async (candidate: TestCandidate): Promise<number> => {
      const results = await Promise.allSettled(candidate.terms.map((term) => term.write()));
      return results.filter(({ status }) => status === "fulfilled").length;
    };
    const pauses = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 20 })), { minLength: 5, maxLength: 12 });
    const check = fc.asyncProperty(pauses, async (steps) => {
      for (const [isFirst, seconds] of steps) {
        await (isFirst ? a : b).pass(seconds * 1000);
        const [byFirst, bySecond] = await Promise.all([writeAll(a), writeAll(b)]);
        assert.ok(byFirst + bySecond <= 1, `${byFirst} and ${bySecond} terms could write`);
      }
    });
    await fc.assert(check, { numRuns: 10, endOnFailure: true });
    const terms = await termsThatWrote(a.client);
    assert.equal(new Set(terms).size, terms.length, `terms that wrote: ${terms.join(", ")}`);
    assert.ok(terms.length > 2, "leadership must have passed on");
  });
}
