import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createDnsCounters, formatMetrics } from "#dns/server/dns-counters.ts";
import { askDnsStatus, type DnsStatus, serveDnsStatus } from "./dns-status.ts";

const STATUS: DnsStatus = {
  pid: 7,
  state: "off",
  reason: "there is no Service",
  addresses: [],
  domain: "cluster.local",
  upstream: [],
  services: 0,
  endpointSlices: 0,
  queries: { udp: 1, tcp: 0 },
  responses: {},
  residentBytes: 1,
  problems: [],
};

test("askDnsStatus reads what serveDnsStatus tells, and nothing where nobody serves", async () => {
  const folder = mkdtempSync(join(tmpdir(), "podwire-dns-"));
  try {
    const path = join(folder, "dns.sock");
    assert.equal(await askDnsStatus(path), undefined);
    // A second one takes the place of one that was killed.
    for (let round = 0; round < 2; round++) {
      await using _server = await serveDnsStatus(path, { status: () => STATUS, metrics: () => "" });
      assert.deepEqual(await askDnsStatus(path), STATUS);
    }
    assert.equal(await askDnsStatus(path), undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("formatMetrics prints counters for Prometheus", () => {
  const counters = createDnsCounters();
  counters.queries.udp = 3;
  counters.responses.set(3, 2).set(0, 1);
  const upstream = { hits: 1, misses: 2, joined: 0, failures: 0, refused: 0 };
  const text = formatMetrics({ counters, upstream, services: 4, slices: 5 });
  for (const line of [
    "# TYPE podwire_dns_requests_total counter",
    'podwire_dns_requests_total{proto="udp"} 3',
    'podwire_dns_responses_total{rcode="NXDOMAIN"} 2',
    "podwire_dns_upstream_misses_total 2",
    "podwire_dns_services 4",
  ]) {
    assert.ok(text.split("\n").includes(line), `${line} in ${text}`);
  }
});
