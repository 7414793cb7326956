import assert from "node:assert/strict";
import { test } from "node:test";
import { needsOwnChecksums, vxlanLinkName, vxlanSettings } from "./vxlan-options.ts";

const RELEASES = [
  ["4.19.0-27-amd64", true],
  ["5.6.19", true],
  ["5.7.0", false],
  ["5.10.0", false],
  ["6.18.44", false],
] as const;
for (const [release, expected] of RELEASES) {
  test(`needsOwnChecksums on Linux ${release}`, () => assert.equal(needsOwnChecksums(release), expected));
}

test("vxlanSettings has Flannel's defaults and refuses what the kernel cannot take", () => {
  const { vni, port, directRouting, learning } = vxlanSettings({}, "6.18.0");
  assert.deepEqual([vni, port, directRouting, learning], [1, 8472, false, false]);
  assert.deepEqual([vxlanLinkName(4, vni), vxlanLinkName(6, vni)], ["flannel.1", "flannel-v6.1"]);
  for (const options of [{ vni: 0 }, { vni: 1.5 }, { vni: 100_000 }, { port: 0 }, { port: 65_536 }]) {
    assert.throws(() => vxlanSettings(options, "6.18.0"), RangeError);
  }
});
