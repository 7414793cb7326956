import assert from "node:assert/strict";
import { test } from "node:test";
import { CliError } from "../cli-error.ts";
import type { Check } from "./checks.ts";
import { type DemoReport, formatReport, nftElements } from "./report.ts";
import { requireAllOk } from "./run-demo.ts";

const pod = { netnsPath: "/proc/7/root/run/netns/cni-1", ifname: "eth0", mac: "02:00:00:00:00:01", bridge: "podwire0" };
const good: Check = {
  claim: "it answers",
  where: "pod client",
  command: "ask",
  expected: "yes",
  seen: "yes",
  ok: true,
};
const bad: Check = { ...good, claim: "it is not translated", expected: "10.1.0.2", seen: "10.1.0.1", ok: false };

function report(more: Partial<DemoReport> = {}): DemoReport {
  return {
    checks: [good],
    evidence: {
      pods: {
        web: { ...pod, name: "web", ip: "10.244.0.3", hostLink: "vethweb" },
        client: { ...pod, name: "client", ip: "10.244.0.2", hostLink: "vethclient" },
      },
      links: "lo\n",
      nftTable: "",
      connections: [],
    },
    nodePid: 7,
    outsidePid: 8,
    phases: [],
    ...more,
  };
}

test("nftElements gives a line for each element of each map", () => {
  const table = `table inet podwire {
	map masq4 {
		type ipv4_addr : verdict
		elements = { 10.1.0.2 comment "a/b/eth0" : goto masq-10.1.0.0/24,
			     10.1.0.3 comment "a/c/eth0" : goto masq-10.1.0.0/24 }
	}

	map hostip_ports4 {
		type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
	}

	map hostports4 {
		type inet_proto . inet_service : ipv4_addr . inet_service
		elements = { tcp . 8080 comment "a/b/eth0" : 10.1.0.2 . 80 }
	}
}
`;
  assert.deepEqual(nftElements(table), [
    'masq4            10.1.0.2 comment "a/b/eth0" : goto masq-10.1.0.0/24',
    'masq4            10.1.0.3 comment "a/c/eth0" : goto masq-10.1.0.0/24',
    'hostports4       tcp . 8080 comment "a/b/eth0" : 10.1.0.2 . 80',
  ]);
});

test("formatReport names the links that a packet takes", () => {
  const text = formatReport(report());
  assert.match(text, /client eth0 10\.244\.0\.2 → vethclient → bridge podwire0 → vethweb → web eth0 10\.244\.0\.3/);
  assert.match(text, /uplink → outside downlink → 203\.0\.113\.10/);
  assert.doesNotMatch(text, /FAILED|nsenter/);
});

test("formatReport tells how to enter a demo that is kept, and of the agent only where one runs", () => {
  const text = formatReport(report({ keeperPid: 9 }));
  assert.match(text, /sudo nsenter --target 7 --all/);
  assert.match(text, /sudo nsenter --net=\/proc\/7\/root\/run\/netns\/cni-1 ping 10\.244\.0\.3/);
  assert.match(text, /demo --down/);
  assert.doesNotMatch(text, /agent status/);
});

test("requireAllOk names the first failed check, what was expected and what was seen", () => {
  requireAllOk(report());
  const checks = [good, bad];
  assert.match(
    formatReport(report({ checks })),
    /FAILED {4}it is not translated[\s\S]*→ 10\.1\.0\.1\n.*expected: 10\.1\.0\.2/,
  );
  assert.throws(
    () => requireAllOk(report({ checks })),
    (error: unknown) => {
      assert.ok(error instanceof CliError);
      assert.equal(error.exitCode, 1);
      assert.deepEqual(error.explanation, {
        what: "1 of 2 checks failed: it is not translated",
        why: "expected: 10.1.0.2",
        evidence: "pod client: ask\n→ 10.1.0.1",
        next: "run: sudo podwire demo --keep",
      });
      return true;
    },
  );
});
