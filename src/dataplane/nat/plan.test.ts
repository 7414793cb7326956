import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bigIntToAddress, formatPrefix, networkOf, parsePrefix } from "#base/ip-address.ts";
import type { HostPort, HostPortProtocol, Masquerade } from "./nat-state.ts";
import { SNAT_ALL } from "./nat-table.ts";
import { describeWanted, elementId, isHostPortClaim, ownerComment, planElements } from "./plan.ts";

const OWNER = "net/c1/eth0";
const hostPort: HostPort = {
  protocol: "tcp",
  hostPort: 8080,
  address: "10.1.0.5",
  containerPort: 80,
  snat: "none",
  subnet: "10.1.0.0/16",
};

const plan = (masquerades: readonly Masquerade[], hostPorts: readonly HostPort[] = []) =>
  planElements(OWNER, { masquerades, hostPorts }).map(({ set, key, data }) => [
    set,
    Buffer.from(key).toString("hex"),
    data instanceof Uint8Array ? Buffer.from(data).toString("hex") : data && `${data.verdict} ${data.chain}`,
  ]);

test("a masqueraded address leads to the chain of its subnet, in the map of its family", () => {
  assert.deepEqual(plan([{ address: "10.1.0.5", subnet: "10.1.0.5/16" }]), [
    ["masq4", "0a010005", "goto masq-10.1.0.0/16"],
  ]);
  assert.deepEqual(plan([{ address: "fd01::5", subnet: "fd01::/64" }]), [
    ["masq6", "fd010000000000000000000000000005", "goto masq-fd01__/64"],
  ]);
});

/** Keys and data as `nft` lays out concatenations: each field in whole 4 bytes. */
const PORTS: readonly { readonly more: Partial<HostPort>; readonly elements: readonly (readonly unknown[])[] }[] = [
  { more: {}, elements: [["hostports4", "060000001f900000", "0a01000500500000"]] },
  { more: { protocol: "udp" }, elements: [["hostports4", "110000001f900000", "0a01000500500000"]] },
  { more: { protocol: "sctp", hostPort: 1 }, elements: [["hostports4", "8400000000010000", "0a01000500500000"]] },
  {
    more: { hostIp: "192.0.2.1" },
    elements: [["hostip_ports4", "c0000201060000001f900000", "0a01000500500000"]],
  },
  {
    more: { snat: "all" },
    elements: [
      ["hostports4", "060000001f900000", "0a01000500500000"],
      ["hostport_snat4", "0a010005060000001f900000", `goto ${SNAT_ALL}`],
    ],
  },
  {
    more: { snat: "hairpin" },
    elements: [
      ["hostports4", "060000001f900000", "0a01000500500000"],
      ["hostport_snat4", "0a010005060000001f900000", "goto hairpin-10.1.0.0/16"],
    ],
  },
];

for (const { more, elements } of PORTS) {
  test(`host port with ${JSON.stringify(more)} is claimed by one element`, () => {
    assert.deepEqual(plan([], [{ ...hostPort, ...more }]), elements);
    const planned = planElements(OWNER, { masquerades: [], hostPorts: [{ ...hostPort, ...more }] });
    assert.deepEqual(
      planned.map(isHostPortClaim),
      elements.map((_element, index) => index === 0),
    );
    assert.ok(planned.every(({ comment }) => comment === OWNER));
  });
}

test("every element says the chain of a subnet that has to be there", () => {
  const planned = planElements(OWNER, {
    masquerades: [{ address: "10.1.0.5", subnet: "10.1.0.0/16" }],
    hostPorts: [
      { ...hostPort, snat: "hairpin" },
      { ...hostPort, hostPort: 8081, snat: "all" },
    ],
  });
  const chains = planned.map(
    ({ subnetChain }) => subnetChain && `${subnetChain.kind} ${formatPrefix(subnetChain.subnet)}`,
  );
  assert.deepEqual(chains, ["masq 10.1.0.0/16", undefined, "hairpin 10.1.0.0/16", undefined, undefined]);
});

test("ownerComment is the attachment's name while nft can hold it, and a hash of it beyond", () => {
  const of = (containerId: string): string => ownerComment({ network: "net", containerId, ifname: "eth0" });
  assert.equal(of("c1"), "net/c1/eth0");
  const longest = "c".repeat(127 - "net//eth0".length);
  assert.equal(of(longest), `net/${longest}/eth0`);
  assert.match(of(`${longest}c`), /^[0-9a-f]{64}$/);
  assert.notEqual(of(`${longest}c`), of(`${longest}d`));
  assert.match(of("ü".repeat(64)), /^[0-9a-f]{64}$/);
});

test("describeWanted tells address, port and protocol", () => {
  assert.equal(describeWanted({ address: "10.1.0.5", subnet: "10.1.0.0/16" }), "masquerade of 10.1.0.5");
  assert.equal(describeWanted(hostPort), "host port 8080/tcp to 10.1.0.5 port 80");
  assert.equal(
    describeWanted({ ...hostPort, hostIp: "192.0.2.1", protocol: "udp" }),
    "host port 192.0.2.1 8080/udp to 10.1.0.5 port 80",
  );
});

const family = fc.constantFrom(4 as const, 6 as const);
const prefix = family.chain((one) =>
  fc
    .tuple(fc.bigInt({ min: 0n, max: (1n << (one === 4 ? 32n : 128n)) - 1n }), fc.nat(one === 4 ? 32 : 128))
    .map(([value, length]) => ({ address: bigIntToAddress(one, value), length })),
);
const port = fc.integer({ min: 1, max: 65_535 });
const masquerade = prefix.map(
  ({ address, length }): Masquerade => ({
    address,
    subnet: formatPrefix(networkOf(parsePrefix(`${address}/${length}`))),
  }),
);
const anyHostPort = fc
  .record({
    at: prefix,
    hostIp: fc.option(prefix, { nil: undefined }),
    protocol: fc.constantFrom<HostPortProtocol>("tcp", "udp", "sctp"),
    hostPort: port,
    containerPort: port,
    snat: fc.constantFrom("none" as const, "hairpin" as const, "all" as const),
  })
  .map(({ at, hostIp, ...rest }): HostPort => {
    const isSameFamily = hostIp !== undefined && hostIp.address.includes(":") === at.address.includes(":");
    return {
      ...rest,
      ...(isSameFamily && { hostIp: hostIp.address }),
      address: at.address,
      subnet: formatPrefix(networkOf(parsePrefix(`${at.address}/${at.length}`))),
    };
  });

/** What the kernel tells apart. */
const portIdentity = ({ protocol, hostPort: number, hostIp, address }: HostPort): string =>
  `${protocol} ${number} ${hostIp ?? (address.includes(":") ? "any6" : "any4")}`;

test("elements of different wishes have different identities, equal wishes the same", () => {
  const state = fc.record({
    masquerades: fc.uniqueArray(masquerade, { maxLength: 6, selector: ({ address }) => address }),
    hostPorts: fc.uniqueArray(anyHostPort, { maxLength: 6, selector: portIdentity }),
  });
  fc.assert(
    fc.property(state, (wanted) => {
      const planned = planElements(OWNER, wanted);
      const ids = planned.filter(({ set }) => !set.startsWith("hostport_snat")).map(elementId);
      assert.equal(new Set(ids).size, ids.length);
      assert.equal(ids.length, wanted.masquerades.length + wanted.hostPorts.length);
      assert.deepEqual(planElements("other", wanted).map(elementId), planned.map(elementId));
      for (const { set, key } of planned) {
        const address = set.endsWith("4") ? 4 : 16;
        const expected = { masq: address, hostports: 8, hostip_ports: address + 8, hostport_snat: address + 8 };
        assert.equal(key.length, expected[set.slice(0, -1) as keyof typeof expected], set);
      }
    }),
    { numRuns: 1_000 },
  );
});
