import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { CniError } from "#cni/cni-error.ts";
import type { GcRequest, Plugin, PluginRequest } from "#cni/plugin.ts";
import type { Host, Journal } from "#plugins/host.ts";
import { UndoError } from "#plugins/undo.ts";
import type { AttachmentListener } from "./attachment-listener.ts";
import { type Ledger, openLedger } from "./ledger.ts";
import { withLedger, withoutLedger } from "./with-ledger.ts";

const EPOCH = "boot/1";
const KEY = { network: "net", containerId: "c1", ifname: "eth0", plugin: "fake" };

function request(containerId = "c1", more: JsonObject = {}): PluginRequest {
  const json = { cniVersion: "1.1.0", name: "net", type: "fake", ...more };
  return {
    containerId,
    netns: "/run/netns/pod",
    ifname: "eth0",
    args: "K=V",
    path: "/opt/cni/bin",
    environment: {},
    config: { cniVersion: "1.1.0", name: "net", type: "fake", json },
  };
}

interface Scene extends Disposable {
  readonly ledger: Ledger;
  /** What the plugin was called with, and what the ledger said meanwhile. */
  readonly calls: readonly string[];
  readonly plugin: Plugin<undefined>;
  /** Does what the verb would do; replaced by tests. */
  behave: (verb: string, journal: Journal) => void;
}

function createScene(wrap: (ledger: Ledger) => Ledger = (ledger) => ledger, attachments?: AttachmentListener): Scene {
  const folder = mkdtempSync(join(tmpdir(), "podwire-with-ledger-"));
  const ledger = wrap(openLedger(join(folder, "ledger"), EPOCH, "cached"));
  const calls: string[] = [];
  const call = (verb: string, { containerId, netns }: Partial<PluginRequest>, { journal }: Host): void => {
    const phase = ledger.find({ ...KEY, containerId: containerId ?? "" })?.phase ?? "unknown";
    const known = journal.isKnown ? `known ${journal.facts?.hostLink ?? "without facts"}` : "not known";
    calls.push(`${verb} ${containerId ?? "-"} in "${netns ?? ""}": ${phase}, ${known}`);
    scene.behave(verb, journal);
  };
  const fake: Plugin<Host> = {
    type: "fake",
    versions: ["1.1.0"],
    async add(one, host) {
      call("ADD", one, host);
      return { ips: [{ address: "10.1.0.2/16" }] };
    },
    del: async (one, host) => call("DEL", one, host),
    check: async (one, host) => call("CHECK", one, host),
    gc: async (_one, host) => call("GC", {}, host),
    status: async (_one, host) => call("STATUS", {}, host),
  };
  // Of the host, the plugin above uses the journal alone.
  const hostFor = (journal: Journal): Host => ({ journal }) as Host;
  const scene: Scene = {
    ledger,
    calls,
    plugin: withLedger(fake, { ledger, epoch: EPOCH, hostFor, attachments }),
    behave: (verb, journal) => verb === "ADD" && journal.note({ hostLink: "veth1" }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
  return scene;
}

test("ADD is on record before the plugin acts, CHECK and DEL get its facts, and after DEL nothing is", async () => {
  using scene = createScene();
  const { plugin, ledger, calls } = scene;
  assert.deepEqual(await plugin.add(request(), undefined), { ips: [{ address: "10.1.0.2/16" }] });
  const { phase, facts, netns, args, path, config } = ledger.find(KEY) ?? {};
  assert.deepEqual({ phase, facts }, { phase: "added", facts: { hostLink: "veth1", addresses: ["10.1.0.2"] } });
  assert.deepEqual({ netns, args, path, config }, { ...pick(request()), config: request().config.json });
  await plugin.check(request(), undefined);
  await plugin.del(request(), undefined);
  assert.equal(ledger.find(KEY), undefined);
  assert.deepEqual(calls, [
    'ADD c1 in "/run/netns/pod": adding, known without facts',
    'CHECK c1 in "/run/netns/pod": added, known veth1',
    'DEL c1 in "/run/netns/pod": deleting, known veth1',
  ]);
});

const pick = ({ netns, args, path }: PluginRequest) => ({ netns, args, path });

test("DEL of an attachment that is not on record tells the plugin so", async () => {
  using scene = createScene();
  await scene.plugin.del(request(), undefined);
  assert.deepEqual(scene.calls, ['DEL c1 in "/run/netns/pod": unknown, not known']);
});

test("an ADD that fails leaves no record", async () => {
  using scene = createScene();
  scene.behave = () => {
    throw new CniError("rangeExhausted", "no address is left");
  };
  await assert.rejects(scene.plugin.add(request(), undefined), /no address is left/);
  assert.deepEqual(scene.ledger.all(), []);
});

const STAY: Readonly<Record<string, (scene: Scene) => void>> = {
  "that could not be undone": (scene) => {
    scene.behave = () => {
      throw new UndoError([new Error("first"), new Error("second")], "failed twice");
    };
  },
  "whose facts could not be written": (scene) => {
    const { commit } = scene.ledger;
    Object.assign(scene.ledger, {
      commit() {
        Object.assign(scene.ledger, { commit });
        throw new Error("ENOSPC: no space left on device");
      },
    });
  },
};

for (const [what, arrange] of Object.entries(STAY)) {
  test(`an ADD ${what} stays on record, and the next ADD deletes its remains first`, async () => {
    using scene = createScene((ledger) => ({ ...ledger }));
    const { behave } = scene;
    arrange(scene);
    await assert.rejects(scene.plugin.add(request(), undefined), /failed twice|no space/);
    assert.equal(scene.ledger.find(KEY)?.phase, "adding");
    scene.behave = behave;
    await scene.plugin.add(request(), undefined);
    assert.deepEqual(scene.calls.slice(1), [
      'DEL c1 in "/run/netns/pod": deleting, known without facts',
      'ADD c1 in "/run/netns/pod": adding, known without facts',
    ]);
    assert.equal(scene.ledger.find(KEY)?.phase, "added");
  });
}

test("an ADD that is repeated and refused leaves the attachment on record as it is", async () => {
  using scene = createScene();
  await scene.plugin.add(request(), undefined);
  const before = scene.ledger.find(KEY);
  scene.behave = () => {
    throw new CniError("linkConflict", "exists");
  };
  await assert.rejects(scene.plugin.add(request("c1", { args: "other" }), undefined), /exists/);
  assert.deepEqual(scene.ledger.find(KEY), before);
});

test("a DEL that fails stays on record and is finished by the next one", async () => {
  using scene = createScene();
  await scene.plugin.add(request(), undefined);
  scene.behave = () => {
    throw new Error("busy");
  };
  await assert.rejects(scene.plugin.del(request(), undefined), /busy/);
  assert.equal(scene.ledger.find(KEY)?.phase, "deleting");
  scene.behave = () => undefined;
  await scene.plugin.del(request(), undefined);
  assert.equal(scene.calls.at(-1), 'DEL c1 in "/run/netns/pod": deleting, known veth1');
  assert.deepEqual(scene.ledger.all(), []);
});

test("ADD of a container of an earlier epoch deletes that one first, without its namespace", async () => {
  using scene = createScene((ledger) => ({
    ...ledger,
    find(key) {
      const record = ledger.find(key);
      return record?.args === "old" ? { ...record, epoch: "boot/0" } : record;
    },
  }));
  scene.ledger.begin({ ...KEY, netns: "/run/netns/old", args: "old", path: "", config: request().config.json });
  scene.ledger.commit(KEY, { hostLink: "veth0" });
  await scene.plugin.add(request(), undefined);
  assert.deepEqual(scene.calls, [
    'DEL c1 in "": deleting, known veth0',
    'ADD c1 in "/run/netns/pod": adding, known without facts',
  ]);
});

const gcRequest = (valid: GcRequest["validAttachments"], name = "net"): GcRequest => {
  const { config, args, path, environment } = request("", { name });
  return { config: { ...config, name }, args, path, environment, validAttachments: valid };
};

test("GC deletes what is recorded for plugin and network but not listed, and goes on behind errors", async () => {
  using scene = createScene();
  const { plugin, ledger, calls } = scene;
  for (const id of ["kept", "stale1", "stale2"]) await plugin.add(request(id), undefined);
  ledger.begin({ ...KEY, containerId: "c9", plugin: "other", netns: "", args: "", path: "", config: {} });
  ledger.begin({ ...KEY, containerId: "c8", network: "other", netns: "", args: "", path: "", config: {} });
  let failures = 0;
  scene.behave = (verb) => {
    if (verb === "DEL" && failures++ === 0) throw new Error("busy");
  };
  const valid = [
    { containerId: "kept", ifname: "eth0" },
    { containerId: "stale2", ifname: "eth1" },
  ];
  await assert.rejects(plugin.gc?.(gcRequest(valid), undefined) ?? Promise.resolve(), /busy/);
  assert.deepEqual(
    ledger
      .all()
      .map(({ containerId }) => containerId)
      .toSorted(),
    ["c8", "c9", "kept", "stale1"],
  );
  assert.match(calls.at(-1) ?? "", /^GC/);
  await plugin.gc?.(gcRequest(valid), undefined);
  assert.deepEqual(
    ledger
      .all()
      .map(({ containerId }) => containerId)
      .toSorted(),
    ["c8", "c9", "kept"],
  );
});

test("GC without a list keeps everything", async () => {
  using scene = createScene();
  await scene.plugin.add(request(), undefined);
  await scene.plugin.gc?.(gcRequest(undefined), undefined);
  assert.equal(scene.calls.length, 1);
  assert.equal(scene.ledger.all().length, 1);
});

test("withoutLedger hands every verb on, and a plugin may lack GC and STATUS", async () => {
  const verbs: string[] = [];
  const plugin: Plugin<Host> = {
    type: "loopback",
    versions: ["1.1.0"],
    add: async () => ({ ips: [] }),
    del: async () => void verbs.push("DEL"),
    check: async () => void verbs.push("CHECK"),
  };
  // The plugin above does not look at its host.
  const wrapped = withoutLedger(plugin, { hostFor: (journal) => ({ journal }) as Host });
  assert.deepEqual(await wrapped.add(request(), undefined), { ips: [] });
  await wrapped.del(request(), undefined);
  await wrapped.check(request(), undefined);
  await wrapped.gc?.(gcRequest([]), undefined);
  await wrapped.status?.(gcRequest([]), undefined);
  assert.deepEqual(verbs, ["DEL", "CHECK"]);
});

test("a listener hears of the pod's addresses before ADD answers, and of the end before DEL begins", async () => {
  const heard: string[] = [];
  using scene = createScene(undefined, {
    async added({ phase, facts }) {
      heard.push(`added ${phase} ${facts?.hostLink} ${facts?.addresses}`);
    },
    removing: ({ containerId }) => void heard.push(`removing ${containerId} after ${scene.calls.length} calls`),
  });
  await scene.plugin.add(request(), undefined);
  await scene.plugin.del(request(), undefined);
  assert.deepEqual(heard, ["added added veth1 10.1.0.2", "removing c1 after 1 calls"]);
});

test("an ADD that a listener refuses fails with its error, and is undone", async () => {
  const refused = new CniError("tryAgainLater", "Cannot enforce policies");
  using scene = createScene(undefined, { added: () => Promise.reject(refused), removing: () => undefined });
  await assert.rejects(scene.plugin.add(request(), undefined), refused);
  assert.equal(scene.ledger.find(KEY), undefined);
  assert.match(scene.calls.join(), /^ADD .*,DEL /);
});
