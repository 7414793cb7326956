/** The agent is killed at every step of ADD and DEL; the next agent finds a clean node. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { buildFaultBundle, type FaultBundle } from "./fault-bundle.ts";
import { type KillSeries, killAtEveryStep } from "./kill-series.ts";

const NETWORKS = ["bridge-portmap", "ptp", "flannel"] as const;
/** Fewer would mean that steps are not seen any more. */
const FEWEST_STEPS = { ADD: 20, DEL: 8 } as const;

suite("an agent that is killed", { ...requireRoot, concurrency: 2 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "podwire-faults-"));
  let bundle: FaultBundle;
  before(async () => {
    bundle = await buildFaultBundle(folder);
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const network of NETWORKS) {
    for (const verb of ["ADD", "DEL"] as const) {
      test(`behind any step of ${verb} in network ${network} leaves nothing half done`, async (context) => {
        const series: KillSeries = { network, verb, when: "behind", victim: "agent", heir: "agent" };
        const steps = await killAtEveryStep(series, bundle);
        context.diagnostic(`${steps.length} steps`);
        assert.ok(steps.length >= FEWEST_STEPS[verb], steps.join("\n"));
      });
    }
  }
});
