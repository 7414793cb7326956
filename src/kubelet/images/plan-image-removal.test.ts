import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { type KnownImage, planImageRemoval } from "./plan-image-removal.ts";

const LIMITS = { highPercent: 85, lowPercent: 80, minAgeMs: 1000 };
const NOW_MS = 100_000;
const image = (id: string, more: Partial<KnownImage> = {}): KnownImage => ({
  id,
  sizeBytes: 3,
  isUsed: false,
  firstSeenMs: 0,
  lastUsedMs: 0,
  ...more,
});
const disk = (availableBytes: number) => ({ capacityBytes: 100, availableBytes });
const removed = (images: readonly KnownImage[], available: number) =>
  planImageRemoval(images, disk(available), LIMITS, NOW_MS).remove.map(({ id }) => id);

suite("planImageRemoval", () => {
  test("removes nothing while there is room", () => assert.deepEqual(removed([image("a")], 16), []));
  test("removes until the lower threshold, the longest unused first", () => {
    const images = [image("new", { lastUsedMs: 900 }), image("old", { lastUsedMs: 100 }), image("never")];
    assert.deepEqual(removed(images, 15), ["never", "old"]);
  });
  test("leaves what is used, and what came just now", () => {
    assert.deepEqual(removed([image("used", { isUsed: true }), image("young", { firstSeenMs: NOW_MS - 999 })], 5), []);
  });
  test("never takes what is used, and no more than it must", () => {
    const any = fc.record(
      {
        id: fc.uuid(),
        sizeBytes: fc.nat(50),
        isUsed: fc.boolean(),
        firstSeenMs: fc.nat(NOW_MS),
        lastUsedMs: fc.nat(NOW_MS),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(any), fc.nat(100), (images, available) => {
        const { remove, wantedBytes, freedBytes } = planImageRemoval(images, disk(available), LIMITS, NOW_MS);
        assert.ok(remove.every(({ isUsed, firstSeenMs }) => !isUsed && NOW_MS - firstSeenMs >= LIMITS.minAgeMs));
        const last = remove.at(-1)?.sizeBytes ?? 0;
        assert.ok(remove.length === 0 || freedBytes - last < wantedBytes);
      }),
    );
  });
});
