import assert from "node:assert/strict";
import { test } from "node:test";
import { readReport } from "./iperf.ts";

/** What iperf3 3.12 prints, as far as it is read. */
const tcp = {
  end: {
    sum_received: { seconds: 1.5, bytes: 1_264_582_656, bits_per_second: 9_957_961_220 },
    cpu_utilization_percent: { host_total: 16.8, host_user: 0.2, remote_total: 36.9 },
  },
};
const udp = { end: { sum_received: { bytes: 197_708_000, bits_per_second: 1_580_908_325, lost_percent: 68.9 } } };

test("readReport gives what arrived, and the CPU time by gigabyte", () => {
  const { gigabitsPerSecond, cpuSecondsPerGigabyte, lostPercent, ...rest } = readReport(JSON.stringify(tcp), 2);
  assert.equal(gigabitsPerSecond.toFixed(2), "9.96");
  assert.equal(cpuSecondsPerGigabyte.toFixed(2), "1.58");
  assert.equal(rest.ownCpuSecondsPerGigabyte.toFixed(2), "0.64"); // 53.7 % of 1.5 s
  assert.equal(lostPercent, undefined);
  assert.equal(readReport(JSON.stringify(udp), 1).lostPercent, 68.9);
});

test("readReport passes on what iperf3 says went wrong", () => {
  const refused = JSON.stringify({ end: {}, error: "unable to connect to server: Connection refused" });
  assert.throws(() => readReport(refused, 1), /iperf3 says unable to connect to server: Connection refused/);
});

test("readReport refuses a report without what arrived, as older versions print it", () => {
  assert.throws(() => readReport(JSON.stringify({ end: { sum: { bits_per_second: 1 } } }), 1), /3\.10 or later/);
  assert.throws(() => readReport("[]", 1), /no JSON object/);
});
