import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { startAnnouncer } from "./announcer.ts";
import type { Announcement } from "./cluster-network.ts";

const silent = { info: () => undefined, error: () => undefined };

function announcementOf(address: string): Announcement {
  return { backend: "host-gw", publicAddresses: { 4: parseAddress(address) }, receives: ["host-gw"] };
}

test("startAnnouncer cuts short what is out of date, and announces the newest", async () => {
  const begun = Promise.withResolvers<void>();
  const done = Promise.withResolvers<Announcement>();
  const old = announcementOf("192.0.2.1");
  const announce = async (announcement: Announcement, signal: AbortSignal): Promise<readonly string[]> => {
    if (announcement !== old) {
      done.resolve(announcement);
      return ["annotate"];
    }
    begun.resolve();
    // A server that does not answer.
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
    return [];
  };
  await using announcer = startAnnouncer({ source: { announce }, log: silent });
  announcer.announce(old);
  await begun.promise;
  const now = announcementOf("192.0.2.2");
  announcer.announce(now);
  assert.equal(await done.promise, now);
  assert.deepEqual(announcer.problems(), []);
});

test("startAnnouncer tells why it failed, tries again, and then tells no more", async () => {
  let tries = 0;
  const [failed, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using announcer = startAnnouncer({
    source: {
      async announce() {
        tries++;
        if (tries === 1) throw new Error("no route to host");
        setImmediate(done.resolve);
        return [];
      },
    },
    log: { ...silent, error: () => failed.resolve() },
  });
  announcer.announce(announcementOf("192.0.2.1"));
  await failed.promise;
  assert.deepEqual(announcer.problems(), ["this node is not announced: no route to host"]);
  await done.promise;
  assert.deepEqual(announcer.problems(), []);
});
