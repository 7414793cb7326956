import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ConfigError, configReader, didYouMean, nearest } from "./config-reader.ts";

test("configReader names a wrong key and the nearest valid one", () => {
  const keys = ["nodes", "network", "podCidr"];
  assert.throws(
    () => configReader({ pod_cdir: "10.0.0.0/8" }, "", keys),
    (error) =>
      error instanceof ConfigError &&
      error.key === "pod_cdir" &&
      error.message === '"pod_cdir" is no key: did you mean "podCidr"? Possible: nodes, network, podCidr',
  );
  assert.throws(() => configReader({ zzz: 1 }, "network.", keys), /"network.zzz" is no key: possible: nodes, network/);
  assert.throws(() => configReader([], "network.", keys), /"network" is no object/);
});

test("configReader takes null and absence as the default, and refuses other types", () => {
  const read = configReader({ a: null, b: "7", c: 7 }, "", ["a", "b", "c", "d"]);
  const range = { min: 1, max: 9, fallback: 3 };
  assert.deepEqual([read.integer("a", range), read.integer("d", range), read.integer("c", range)], [3, 3, 7]);
  assert.equal(read.has("a"), false);
  assert.throws(() => read.integer("b", range), /^ConfigError: "b" is "7": it must be a whole number from 1 to 9$/);
  assert.throws(() => read.boolean("c", true), /"c" is 7: it must be true or false/);
  assert.throws(() => read.string("c", ""), /"c" is 7: it must be text/);
  assert.throws(() => read.choice("b", ["x", "y"], "x"), /"b" is "7": possible: x, y/);
});

test("nearest finds a word with a few edits, and none for something else", () => {
  assert.equal(nearest("vxlam", ["udp", "vxlan"]), "vxlan");
  assert.equal(nearest("HOST_GW", ["vxlan", "host-gw"]), "host-gw");
  assert.equal(nearest("calico", ["vxlan", "host-gw", "udp"]), undefined);
  assert.match(didYouMean("calico", ["vxlan", "udp"]), /^possible: vxlan, udp$/);
});

test("nearest finds any of the choices itself", () => {
  const words = fc.uniqueArray(fc.stringMatching(/^[a-z]{2,12}$/), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(words, fc.nat(), (choices, index) => {
      const word = choices[index % choices.length] ?? "";
      assert.equal(nearest(word, choices), word);
    }),
  );
});
