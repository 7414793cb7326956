import assert from "node:assert/strict";
import { test } from "node:test";
import type { LedgerRecord } from "../ledger.ts";
import { addressesOf, ledgerAttachment, podOfArgs } from "./pod-attachments.ts";

const RECORD: LedgerRecord = {
  network: "podwire",
  containerId: "c1",
  ifname: "eth0",
  plugin: "bridge",
  phase: "added",
  epoch: "e",
  netns: "/proc/1/ns/net",
  args: "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u1",
  path: "",
  config: {},
  facts: { hostLink: "veth1", addresses: ["10.244.1.5", "fd00::5"], mac: "02:00:00:00:00:05" },
};

test("ledgerAttachment says which pod has which link and addresses", () => {
  assert.deepEqual(ledgerAttachment(RECORD), {
    pod: "shop/web",
    uid: "u1",
    link: "veth1",
    mac: "02:00:00:00:00:05",
    addresses: ["10.244.1.5", "fd00::5"],
  });
});

test("ledgerAttachment takes addresses of an older record from its masquerades, and none of a chained plugin", () => {
  const nat = { masquerades: [{ address: "10.244.1.5", subnet: "10.244.1.0/24" }], hostPorts: [] };
  const older = ledgerAttachment({ ...RECORD, facts: { hostLink: "veth1", nat } });
  assert.deepEqual([older?.addresses, older?.mac], [["10.244.1.5"], undefined]);
  assert.equal(ledgerAttachment({ ...RECORD, facts: {} }), undefined);
});

test("podOfArgs knows no pod where the runtime names none", () => {
  assert.deepEqual(podOfArgs(""), { namespace: undefined, name: undefined, uid: undefined });
  assert.deepEqual(podOfArgs("K8S_POD_NAME="), { namespace: undefined, name: undefined, uid: undefined });
});

test("addressesOf gives nothing to a later pod of the same name", () => {
  const attachment = ledgerAttachment(RECORD);
  assert.ok(attachment);
  assert.deepEqual(addressesOf([attachment], "shop/web", ["u1"]), attachment.addresses);
  assert.deepEqual(addressesOf([attachment], "shop/web", ["u2", undefined]), []);
  assert.deepEqual(addressesOf([attachment], "shop/other", ["u1"]), []);
});
