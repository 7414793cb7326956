/**
 * Runs a table of cases in each way into the plugins, each case in a world of its own. Behind each case the pods that
 * are left are deleted, and then nothing of them may be left anywhere.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { type InstalledPlugins, installPlugins } from "./installed-plugins.ts";
import { openWay, WAYS, type Way } from "./ways.ts";
import { residue } from "./witness.ts";
import { createWorld, type World } from "./world.ts";

export interface ConformanceCase {
  readonly name: string;
  /** Ways that cannot run the case, and why. */
  readonly skip?: Partial<Readonly<Record<Way, string>>>;
  readonly run: (world: World) => Promise<void>;
}

export function conformance(cases: readonly ConformanceCase[]): void {
  let plugins: InstalledPlugins | undefined;
  after(() => plugins?.[Symbol.dispose]());
  for (const { name, skip = {}, run } of cases) {
    for (const way of WAYS) {
      test(`${name} (${way})`, { skip: requireRoot.skip || (skip[way] ?? false) }, async () => {
        plugins ??= installPlugins();
        const installed = plugins;
        await using world = await createWorld((node) => openWay(way, installed, node));
        await run(world);
        await deleteAll(world);
      });
    }
  }
}

/** A DEL for each ADD that is left, as a runtime does it at the end. */
export async function deleteAll(world: World): Promise<void> {
  for (const { type, input } of world.attachments.toReversed()) await world.succeed("DEL", type, input);
  assert.deepEqual(await residue(world), []);
}
