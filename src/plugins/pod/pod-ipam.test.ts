import assert from "node:assert/strict";
import { test } from "node:test";
import { CniError } from "#cni/cni-error.ts";
import type { Delegate } from "#cni/delegate.ts";
import type { PluginRequest } from "#cni/plugin.ts";
import { UndoError, withUndo } from "../undo.ts";
import { addIpam } from "./pod-ipam.ts";

const json = { cniVersion: "1.0.0", name: "n", type: "bridge" };
const request: PluginRequest = {
  containerId: "c1",
  netns: "/n",
  ifname: "eth0",
  args: "",
  path: "/bin",
  environment: {},
  config: { ...json, json },
};

interface Case {
  readonly what: string;
  readonly add?: Error;
  readonly later?: Error;
  readonly del?: Error;
  readonly calls: readonly string[];
  readonly error: { readonly message: RegExp; readonly isUndo: boolean } | undefined;
}

const gone = new CniError("internal", 'failed to find plugin "x"');
const CASES: readonly Case[] = [
  { what: "keeps the addresses when all goes well", calls: ["ADD"], error: undefined },
  {
    what: "gives them back when a later step fails",
    later: new Error("later"),
    calls: ["ADD", "DEL"],
    error: { message: /^later$/, isUndo: false },
  },
  {
    what: "cleans up behind an IPAM plugin that fails",
    add: new Error("full"),
    calls: ["ADD", "DEL"],
    error: { message: /^full$/, isUndo: false },
  },
  {
    what: "leaves a pod the addresses that it has from an earlier ADD",
    add: new CniError("alreadyInUse", "10.1.0.5 has been allocated to c1, duplicate allocation is not allowed"),
    calls: ["ADD"],
    error: { message: /duplicate allocation/, isUndo: false },
  },
  {
    what: "has nothing to undo when the plugin cannot be called at all",
    add: gone,
    del: gone,
    calls: ["ADD", "DEL"],
    error: { message: /^failed to find plugin "x"$/, isUndo: false },
  },
  {
    what: "says so when cleaning up fails for another reason",
    add: new Error("full"),
    del: new Error("disk"),
    calls: ["ADD", "DEL"],
    error: { message: /^full; what was done before could not be undone$/, isUndo: true },
  },
  {
    what: "says so when addresses cannot be given back",
    later: gone,
    del: gone,
    calls: ["ADD", "DEL"],
    error: { message: /could not be undone$/, isUndo: true },
  },
];

for (const { what, add, later, del, calls, error } of CASES) {
  test(`addIpam ${what}`, async () => {
    const called: string[] = [];
    const nothing = async (): Promise<void> => undefined;
    const delegate: Delegate = {
      async add() {
        called.push("ADD");
        if (add) throw add;
        return { ips: [] };
      },
      async del() {
        called.push("DEL");
        if (del) throw del;
      },
      check: nothing,
      gc: nothing,
      status: nothing,
    };
    const outcome = withUndo(async (undo) => {
      const result = await addIpam({ delegate }, "x", request, undo);
      if (later) throw later;
      return result;
    });
    if (error === undefined) assert.deepEqual(await outcome, { ips: [] });
    else {
      await assert.rejects(outcome, (thrown: unknown) => {
        assert.match(String(thrown instanceof Error && thrown.message), error.message);
        assert.equal(thrown instanceof UndoError, error.isUndo);
        return true;
      });
    }
    assert.deepEqual(called, calls);
  });
}
