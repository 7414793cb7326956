import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Service } from "#api/kinds/service/service.ts";
import { askResponder, question } from "../testing/ask-responder.ts";
import { serviceObject, sliceObject, testZone } from "../testing/dns-objects.ts";
import { createResponder, type Responder } from "./create-responder.ts";
import { createDnsCounters } from "./dns-counters.ts";

type Change =
  | { readonly do: "set service"; readonly object: Service }
  | { readonly do: "delete service"; readonly object: Service }
  | { readonly do: "set slice"; readonly object: EndpointSlice }
  | { readonly do: "delete slice"; readonly object: EndpointSlice };

const PATHS = ["default/a", "default/b", "late/a"] as const;
const ports = [{ name: "http", protocol: "TCP", port: 80 } as const];
const path = fc.constantFrom(...PATHS);
/** Two Services never have the same one. */
const addressOf = (each: (typeof PATHS)[number]): string => `10.3.0.${PATHS.indexOf(each) + 1}`;

const serviceChange = fc
  .record({ path, kind: fc.constantFrom("address", "None", "alias"), notReady: fc.boolean() })
  .map(({ path, kind, notReady }): Change => {
    const spec =
      kind === "alias"
        ? ({ type: "ExternalName", externalName: "b.default.svc.cluster.local" } as const)
        : { clusterIP: kind === "None" ? kind : addressOf(path), ports, publishNotReadyAddresses: notReady };
    return { do: "set service", object: serviceObject(path, spec) };
  });
const endpoint = fc.record({
  address: fc.constantFrom("10.1.0.1", "10.1.0.2", "10.1.0.3"),
  hostname: fc.constantFrom("x", "y"),
  ready: fc.boolean(),
});
const sliceChange = fc
  .record({ service: path, name: fc.constantFrom("s-1", "s-2"), endpoints: fc.array(endpoint, { maxLength: 3 }) })
  .map((slice): Change => ({ do: "set slice", object: sliceObject({ ...slice, ports }) }));
const change = fc.oneof(
  serviceChange,
  sliceChange,
  path.map((each): Change => ({ do: "delete service", object: serviceObject(each, {}) })),
  fc
    .record({ service: path, name: fc.constantFrom("s-1", "s-2") })
    .map((slice): Change => ({ do: "delete slice", object: sliceObject({ ...slice, endpoints: [] }) })),
);

const QUESTIONS = [
  ...[
    "a.default",
    "b.default",
    "a.late",
    "x.a.default",
    "10-1-0-1.a.default",
    "_http._tcp.b.default",
    "_tcp.a.default",
  ].flatMap((name) => (["A", "SRV", "AAAA"] as const).map((type) => question(`${name}.svc.cluster.local`, type))),
  question("late.svc.cluster.local", "A"),
  ...["1.0.3.10", "2.0.3.10", "1.0.1.10", "2.0.1.10"].map((name) => question(`${name}.in-addr.arpa`, "PTR")),
];

/** Without what may differ: the zone's serial, and which address comes first. */
async function answersOf(responder: Responder): Promise<readonly string[]> {
  const answers = await Promise.all(QUESTIONS.map((each) => askResponder(responder, each)));
  return answers.map(({ code, answers: records = [], additionals = [], authorities = [] }) => {
    const data = [...records, ...additionals].map((each) => ("data" in each ? JSON.stringify(each.data) : ""));
    return `${code} ${authorities.length} ${data.toSorted().join(" ")}`;
  });
}

function emptyScene() {
  const zone = testZone();
  const onError = (error: unknown): never => assert.fail(String(error));
  return { zone, responder: createResponder({ zone, counters: createDnsCounters(), onError }) };
}

const keyOf = ({ metadata }: Service | EndpointSlice): string => `${metadata.namespace}/${metadata.name}`;

test("createResponder answers after any changes as one that starts with what is there", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 12 }), async (changes) => {
      const { zone, responder } = emptyScene();
      const services = new Map<string, Service>();
      const slices = new Map<string, EndpointSlice>();
      for (const each of changes) {
        const key = keyOf(each.object);
        switch (each.do) {
          case "set service":
            services.set(key, each.object);
            zone.setService(each.object);
            break;
          case "delete service":
            services.delete(key);
            zone.deleteService(each.object);
            break;
          case "set slice":
            slices.set(key, each.object);
            zone.setSlice(each.object);
            break;
          case "delete slice":
            slices.delete(key);
            zone.deleteSlice(each.object);
            break;
        }
        const fresh = emptyScene();
        for (const slice of slices.values()) fresh.zone.setSlice(slice);
        for (const service of services.values()) fresh.zone.setService(service);
        assert.deepEqual(await answersOf(responder), await answersOf(fresh.responder));
      }
    }),
    { numRuns: 60 },
  );
});
