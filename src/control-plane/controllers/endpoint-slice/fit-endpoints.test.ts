import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import { fitEndpoints, type WantedEndpoint } from "./fit-endpoints.ts";

function wanted(number: number, ready = true): WantedEndpoint {
  const targetRef = { kind: "Pod", namespace: "default", name: `pod-${number}`, uid: `uid-${number}` };
  return { endpoint: { addresses: [`10.0.0.${number}`], conditions: { ready }, targetRef }, changedAt: undefined };
}

function slice(name: string, ...numbers: readonly number[]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name },
    addressType: "IPv4",
    endpoints: numbers.map((number) => wanted(number).endpoint),
    ports: [],
  };
}

/** "a* 1 2": slice a changes and has then the endpoints 1 and 2. */
function texts(filled: ReturnType<typeof fitEndpoints>): readonly string[] {
  return filled.map(({ slice: own, endpoints, isChanged }) =>
    [
      `${own?.metadata.name ?? "new"}${isChanged ? "*" : ""}`,
      ...endpoints.map(({ addresses }) => addresses[0]?.split(".").at(-1)),
    ].join(" "),
  );
}

const cases: readonly {
  readonly title: string;
  readonly slices: readonly EndpointSlice[];
  readonly wanted: readonly WantedEndpoint[];
  readonly filled: readonly string[];
}[] = [
  {
    title: "changes nothing when nothing changed",
    slices: [slice("a", 1, 2)],
    wanted: [wanted(2), wanted(1)],
    filled: ["a 1 2"],
  },
  {
    title: "changes the one slice whose endpoint changed",
    slices: [slice("a", 1, 2), slice("b", 3, 4)],
    wanted: [wanted(1), wanted(2), wanted(3, false), wanted(4)],
    filled: ["a 1 2", "b* 3 4"],
  },
  {
    title: "puts new endpoints into slices that change anyway",
    slices: [slice("a", 1, 2), slice("b", 3, 4, 5)],
    wanted: [wanted(1), wanted(2), wanted(3), wanted(4), wanted(6)],
    filled: ["a 1 2", "b* 3 4 6"],
  },
  {
    title: "puts new endpoints into the fullest slice that has room for all of them",
    slices: [slice("a", 1), slice("b", 2, 3), slice("c", 4, 5, 6)],
    wanted: [1, 2, 3, 4, 5, 6, 7].map((number) => wanted(number)),
    filled: ["a 1", "b* 2 3 7", "c 4 5 6"],
  },
  {
    title: "makes new slices when there is no room",
    slices: [slice("a", 1, 2, 3)],
    wanted: [1, 2, 3, 4, 5, 6, 7].map((number) => wanted(number)),
    filled: ["a 1 2 3", "new* 4 5 6", "new* 7"],
  },
  {
    title: "empties slices whose endpoints are gone",
    slices: [slice("a", 1), slice("b", 2)],
    wanted: [wanted(1)],
    filled: ["a 1", "b*"],
  },
  {
    title: "keeps an endpoint once that is in two slices",
    slices: [slice("a", 1, 2), slice("b", 2)],
    wanted: [wanted(1), wanted(2)],
    filled: ["a 1 2", "b*"],
  },
];

for (const { title, slices, wanted: endpoints, filled } of cases) {
  test(`fitEndpoints ${title}`, () => {
    assert.deepEqual(texts(fitEndpoints(slices, endpoints, 3)), filled);
  });
}

test("fitEndpoints has each wanted endpoint once, within the size, and changes nothing the second time", () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(numbers, { maxLength: 6 }), numbers, fc.integer({ min: 1, max: 8 }), (before, after, max) => {
      const slices = before.map((own, index) => slice(`s${index}`, ...own.slice(0, max)));
      const endpoints = after.map((number) => wanted(number));
      const filled = fitEndpoints(slices, endpoints, max);
      const addresses = filled.flatMap((one) => one.endpoints.map((endpoint) => endpoint.addresses[0]));
      assert.deepEqual(addresses.toSorted(), endpoints.map(({ endpoint }) => endpoint.addresses[0]).toSorted());
      assert.ok(filled.every((one) => one.endpoints.length <= max));
      const next = filled.map((one, index) => ({ ...slice(`n${index}`), endpoints: one.endpoints }));
      assert.ok(fitEndpoints(next, endpoints, max).every(({ isChanged }) => !isChanged));
    }),
  );
});
