import assert from "node:assert/strict";
import { test } from "node:test";
import { printStatus } from "./print-status.ts";

const STATUS = JSON.stringify({
  pid: 7,
  repairs: { restored: 1, removed: 0 },
  attachments: [
    { network: "pods", containerId: "abc", drift: [] },
    { network: "pods", containerId: "d", drift: ["link is gone", "rule is gone"], hostLink: "veth1" },
  ],
});

test("printStatus gives one line for each field", () => {
  assert.equal(printStatus(STATUS, undefined), "pid          7\nrepairs      restored=1 removed=0\nattachments  2\n");
});

test("printStatus gives the fields of a larger object lines of their own", () => {
  const network = { state: "ready", planes: ["vxlan", "host-gw"], drift: [], last: { ms: 7, changes: ["a", "b"] } };
  assert.deepEqual(printStatus(JSON.stringify({ network }), undefined).split("\n"), [
    "network.state   ready",
    "network.planes  vxlan, host-gw",
    "network.drift   -",
    "network.last    ms=7 changes=2",
    "",
  ]);
});

test("printStatus adds tables when they are asked for", () => {
  assert.equal(
    printStatus(STATUS, "wide").split("\n\n")[1],
    [
      "attachments",
      "NETWORK   CONTAINERID   DRIFT                        HOSTLINK",
      "pods      abc           -                            -",
      "pods      d             link is gone, rule is gone   veth1",
      "",
    ].join("\n"),
  );
});

test("printStatus passes JSON on", () => {
  assert.deepEqual(JSON.parse(printStatus(STATUS, "json")), JSON.parse(STATUS));
});
