import assert from "node:assert/strict";
import { test } from "node:test";
import { missingCapabilities } from "./cluster-name.ts";

test("missingCapabilities names what a container without privileges lacks", () => {
  assert.deepEqual(missingCapabilities("Name:\tnode\nCapEff:\t000001ffffffffff\n"), []);
  // What `docker run` leaves by default.
  assert.deepEqual(missingCapabilities("CapEff:\t00000000a80425fb\nCapBnd:\t000001ffffffffff\n"), [
    "CAP_NET_ADMIN",
    "CAP_SYS_PTRACE",
    "CAP_SYS_ADMIN",
  ]);
});

test("missingCapabilities lets pass what it cannot know", () => {
  assert.deepEqual(missingCapabilities("Name:\tnode\n"), []);
});
