/** The contract of `Store` as tests: each store that the API server can use passes all of them. */
import { testLists } from "./lists.ts";
import type { StoreFixture } from "./store-fixture.ts";
import { testWatches } from "./watches.ts";
import { testWrites } from "./writes.ts";

export function testStore(fixture: StoreFixture): void {
  testWrites(fixture);
  testLists(fixture);
  testWatches(fixture);
}
