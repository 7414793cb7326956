import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import type { ServicePort } from "#service/service-port.ts";
import { endpointChain, serviceChains, servicePortName } from "./chain-names.ts";

const port = (id: string): ServicePort => ({ id, family: 4, protocol: "TCP", frontends: [], cluster: [], local: [] });

test("serviceChains and endpointChain have the names that kube-proxy gives", () => {
  // From rules of kube-proxy in a cluster: default/kubernetes:https, kube-system/kube-dns:dns-tcp.
  assert.equal(serviceChains(port("default/kubernetes:https/TCP/4")).svc, "KUBE-SVC-NPX46M4PTMTKRN6Y");
  assert.equal(serviceChains(port("kube-system/kube-dns:dns-tcp/TCP/4")).svc, "KUBE-SVC-ERIFXISQEP7F7OF4");
  assert.equal(
    serviceChains({ ...port("kube-system/kube-dns:dns/UDP/4"), protocol: "UDP" }).svc,
    "KUBE-SVC-TCOU7JCQXEZGVUNU",
  );
  const backend = { address: parseAddress("10.244.1.5"), port: 8080 };
  assert.match(endpointChain(port("default/web:/TCP/4"), backend), /^KUBE-SEP-[A-Z2-7]{16}$/);
});

test("servicePortName leaves out a port that has no name", () => {
  assert.equal(servicePortName(port("default/web:/TCP/4")), "default/web");
  assert.equal(servicePortName(port("default/web:http/TCP/4")), "default/web:http");
});
