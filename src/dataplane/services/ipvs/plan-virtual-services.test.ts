import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "#base/ip-address.ts";
import { describeIpvs, ipvsServiceText } from "#kernel/genetlink/ipvs.ts";
import { planVirtualServices, type VirtualService, virtualServicesOf } from "./plan-virtual-services.ts";
import { createFakeIpvs } from "./testing/fake-ipvs.ts";

const destinations = fc.uniqueArray(
  fc.record({
    address: fc.integer({ min: 1, max: 5 }).map((host) => parseAddress(`10.1.0.${host}`)),
    port: fc.constantFrom(80, 81),
    weight: fc.constantFrom(0, 1),
  }),
  { maxLength: 5, selector: ({ address, port }) => `${address} ${port}` },
);
const services = fc
  .uniqueArray(
    fc.record({
      service: fc
        .record({
          address: fc.integer({ min: 1, max: 3 }).map((host) => parseAddress(`10.96.0.${host}`)),
          protocol: fc.constantFrom("TCP", "UDP", "SCTP"),
          persistenceSeconds: fc.constantFrom(undefined, 60, 3600),
        })
        .map(({ persistenceSeconds, ...rest }) => ({
          family: 4 as const,
          port: 80,
          scheduler: "rr",
          ...rest,
          ...(persistenceSeconds !== undefined && { persistenceSeconds }),
        })),
      destinations,
    }),
    { maxLength: 5, selector: ({ service }) => ipvsServiceText(service) },
  )
  .map((list: readonly VirtualService[]) => virtualServicesOf(list));

test("planVirtualServices leads a kernel from any state to any other, and then plans nothing", () => {
  fc.assert(
    fc.property(services, services, (a, b) => {
      const { socket } = createFakeIpvs();
      const observe = () =>
        virtualServicesOf(
          socket.listServices().map((service) => ({
            service,
            destinations: socket.listDestinations(service).map(({ connections: _none, ...one }) => one),
          })),
        );
      for (const wanted of [a, b]) {
        for (const operation of planVirtualServices(observe(), wanted)) socket.apply(operation);
        assert.deepEqual(sorted(observe().values()), sorted(wanted.values()));
        assert.deepEqual(planVirtualServices(observe(), wanted), []);
      }
    }),
  );
});

test("planVirtualServices keeps the connections of a TCP destination that goes, until it has none", () => {
  const service = {
    family: 4,
    protocol: "TCP",
    address: parseAddress("10.96.0.1"),
    port: 80,
    scheduler: "rr",
  } as const;
  const plan = (weight: number, connections: number) => {
    const destination = { address: parseAddress("10.1.0.5"), port: 8080, weight, connections };
    const present = virtualServicesOf([{ service, destinations: [destination] }]);
    return planVirtualServices(present, virtualServicesOf([{ service, destinations: [] }])).map(describeIpvs);
  };
  assert.deepEqual(plan(1, 2), ["set destination 10.1.0.5:8080 of 10.96.0.1:80/TCP weight 0"]);
  assert.deepEqual(plan(0, 2), []);
  assert.deepEqual(plan(0, 0), ["delete destination 10.1.0.5:8080 of 10.96.0.1:80/TCP"]);
});

function sorted(list: Iterable<VirtualService>): readonly string[] {
  return [...list]
    .map(({ service, destinations: all }) =>
      JSON.stringify([
        ipvsServiceText(service),
        service.persistenceSeconds ?? 0,
        all.map(({ address, port, weight }) => `${address} ${port} ${weight}`).toSorted(),
      ]),
    )
    .toSorted();
}
