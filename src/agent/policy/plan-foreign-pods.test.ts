import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { parseAddress } from "#base/ip-address.ts";
import type { ForeignLink } from "./observe-foreign-links.ts";
import { type ForeignAttachment, type ForeignPods, planForeignPods } from "./plan-foreign-pods.ts";

const ADDRESS = "10.244.1.5";

interface PodText {
  readonly name: string;
  readonly address?: string;
  readonly created?: number;
  readonly version?: string;
  readonly isDeleted?: boolean;
  readonly phase?: "Running" | "Succeeded" | "Failed";
}

function podOf({ name, address = ADDRESS, created = 0, version = "1", isDeleted, phase = "Running" }: PodText): Pod {
  const time = (second: number): string => `2026-01-01T00:00:0${second}Z`;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      namespace: "shop",
      name,
      uid: `uid-${name}`,
      resourceVersion: version,
      creationTimestamp: time(created),
      ...(isDeleted && { deletionTimestamp: time(9) }),
    },
    spec: { nodeName: "n1", containers: [] },
    status: { phase, podIPs: address === "" ? [] : [{ ip: address }] },
  };
}

function linkOf(link: string, ifindex: number, ...addresses: readonly string[]): ForeignLink {
  return {
    link,
    ifindex,
    mac: undefined,
    addresses: (addresses.length === 0 ? [ADDRESS] : addresses).map(parseAddress),
  };
}

const plan = (given: Partial<ForeignPods>) =>
  planForeignPods({ pods: [], links: [], attached: new Map(), lost: new Map(), held: new Map(), ...given });

function joined(given: Partial<ForeignPods>): readonly string[] {
  return plan(given).attach.map(({ pod, link }) => `${pod} ${link}`);
}

function attachedTo(pod: Pod, link: ForeignLink): ReadonlyMap<string, ForeignAttachment> {
  const given = plan({ pods: [pod], links: [link] }).attach;
  return new Map(given.map((one) => [one.link, one]));
}

test("planForeignPods joins a pod with the one link that leads to its addresses", () => {
  const links = [linkOf("veth1", 1, "10.244.1.4"), linkOf("veth2", 2, "fe80::1", ADDRESS)];
  assert.deepEqual(joined({ pods: [podOf({ name: "a" })], links }), ["shop/a veth2"]);
  assert.deepEqual(joined({ pods: [podOf({ name: "a", address: "" })], links }), []);
  assert.deepEqual(joined({ pods: [podOf({ name: "a", phase: "Succeeded" })], links }), []);
});

test("planForeignPods leaves closed what no link, or more than one, leads to, and says so", () => {
  const pods = [podOf({ name: "a" })];
  assert.match(plan({ pods }).problems.join(), /shop\/a is closed: no link leads to 10.244.1.5/);
  const both = plan({ pods, links: [linkOf("veth1", 1), linkOf("veth2", 2)] });
  assert.deepEqual(both.attach, []);
  assert.match(both.problems.join(), /several links have its address: veth1, veth2/);
  const held = new Map([["veth1", [parseAddress(ADDRESS)]]]);
  assert.deepEqual(joined({ pods, links: [linkOf("veth1", 1), linkOf("veth2", 2)], held }), ["shop/a veth1"]);
});

test("planForeignPods keeps a pod's link when another pod takes its address inside", () => {
  const pods = [podOf({ name: "a" }), podOf({ name: "thief", address: "10.244.1.6", created: 1 })];
  const attached = attachedTo(podOf({ name: "a" }), linkOf("veth1", 1));
  const links = [linkOf("veth1", 1), linkOf("veth2", 2, "10.244.1.6", ADDRESS)];
  const { attach, detach } = plan({ pods, attached, links });
  assert.deepEqual([attach.map(({ pod, link }) => `${pod} ${link}`), detach], [["shop/thief veth2"], []]);
  assert.deepEqual(attach[0]?.addresses, ["10.244.1.6"]);
});

test("planForeignPods does not give a link to the pod that had its address before", () => {
  const a = podOf({ name: "a" });
  const attached = attachedTo(a, linkOf("veth1", 1));
  const gone = plan({ pods: [a], attached, links: [linkOf("veth2", 2)] });
  assert.deepEqual([gone.attach, gone.detach.map(({ link }) => link)], [[], ["veth1"]]);
  const going = [podOf({ name: "a", version: "2", isDeleted: true })];
  assert.deepEqual(joined({ pods: going, links: [linkOf("veth2", 2)], lost: gone.lost }), []);
  // A new sandbox of the same pod: its status has been written again.
  const again = [podOf({ name: "a", version: "2" })];
  assert.deepEqual(joined({ pods: again, links: [linkOf("veth2", 2)], lost: gone.lost }), ["shop/a veth2"]);
  assert.deepEqual([...plan({ lost: gone.lost }).lost], [], "forgotten with the pod");
});

test("planForeignPods takes the later one of two pods with one address, and none while the earlier has its link", () => {
  const old = podOf({ name: "old" });
  const pods = [old, podOf({ name: "new", created: 1 })];
  assert.deepEqual(joined({ pods, links: [linkOf("veth2", 2)] }), ["shop/new veth2"]);
  const attached = attachedTo(old, linkOf("veth1", 1));
  const links = [linkOf("veth1", 1), linkOf("veth2", 2)];
  assert.deepEqual(joined({ pods, attached, links }), []);
  const same = [old, podOf({ name: "new" })];
  assert.deepEqual(joined({ pods: same, links }), [], "nobody knows which is later");
});

test("planForeignPods detaches a pod that has ended, is another one, or has other addresses", () => {
  const link = linkOf("veth1", 1);
  const attached = attachedTo(podOf({ name: "a" }), link);
  assert.equal(attached.size, 1);
  const other = podOf({ name: "a" });
  for (const pods of [
    [],
    [podOf({ name: "a", phase: "Failed" })],
    [podOf({ name: "a", address: "10.244.1.7" })],
    [{ ...other, metadata: { ...other.metadata, uid: "other" } }],
  ]) {
    assert.deepEqual(
      plan({ pods, attached, links: [link] }).detach.map(({ pod }) => pod),
      ["shop/a"],
    );
  }
});
