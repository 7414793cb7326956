import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { configMap } from "#api/kinds/config-map.ts";
import { createMemoryClient } from "#api-client/testing/memory-client.ts";
import { createConfigWatcher } from "./create-config-watcher.ts";

const names = (...configMaps: readonly string[]) => ({ configMaps: new Set(configMaps), secrets: new Set<string>() });
const settings = (color: string) => ({ metadata: { namespace: "default", name: "settings" }, data: { color } });

function world() {
  const client = createMemoryClient();
  const changes: string[] = [];
  let wake: () => void = () => undefined;
  const watcher = createConfigWatcher({
    client,
    onChange(uid) {
      changes.push(uid);
      wake();
    },
    onError: (_what, error) => assert.fail(String(error)),
  });
  return {
    client,
    watcher,
    /** Takes the next changes. */
    async next(count: number): Promise<readonly string[]> {
      while (changes.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return changes.splice(0, count).toSorted();
    },
    watches: () => client.requests.filter((each) => each.startsWith("watch")).length,
  };
}

suite("createConfigWatcher", () => {
  test("tells pods of what they name: when it is known, comes, changes and goes", async () => {
    const own = world();
    await using watcher = own.watcher;
    watcher.follow("u1", "default", names("settings"));
    assert.deepEqual(await own.next(1), ["u1"]);
    own.client.put(configMap, settings("blue"));
    assert.deepEqual(await own.next(1), ["u1"]);
    own.client.put(configMap, settings("red"));
    assert.deepEqual(await own.next(1), ["u1"]);
    own.client.remove(configMap, { namespace: "default", name: "settings" });
    assert.deepEqual(await own.next(1), ["u1"]);
  });

  test("pods share a watch, which ends with the last of them", async () => {
    const own = world();
    await using watcher = own.watcher;
    watcher.follow("u1", "default", names("settings"));
    watcher.follow("u2", "default", names("settings"));
    assert.deepEqual(await own.next(2), ["u1", "u2"]);
    watcher.follow("u1", "default", names("other"));
    assert.deepEqual(await own.next(1), ["u1"]);
    own.client.put(configMap, settings("blue"));
    assert.deepEqual(await own.next(1), ["u2"]);
    assert.equal(own.watches(), 2);
    watcher.forget("u2");
    watcher.follow("u3", "default", names("settings"));
    assert.deepEqual(await own.next(1), ["u3"]);
    assert.equal(own.watches(), 3);
  });
});
