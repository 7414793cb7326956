/** Processes that carry out one verb each, without an agent, are killed at every step; the next process or an agent cleans up. */
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
/** Without a kill on a pool thread, behind a step and before the next one are the same moment. */
const ENDS = [
  { when: "behind", heir: "standalone", name: "the process of the next DEL", networks: NETWORKS, every: 1 },
  // What an agent does with a record does not depend on who wrote it: half of one chain with everything is enough.
  { when: "before", heir: "agent", name: "an agent that starts", networks: ["bridge-portmap"], every: 2 },
] as const;

suite("a one-shot process that is killed", { ...requireRoot, concurrency: 2 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "podwire-faults-"));
  let bundle: FaultBundle;
  before(async () => {
    bundle = await buildFaultBundle(folder);
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const { when, heir, name, networks, every } of ENDS) {
    for (const network of networks) {
      for (const verb of ["ADD", "DEL"] as const) {
        test(`${when} ${every === 1 ? "any" : "every second"} step of ${verb} in network ${network} leaves what ${name} finishes`, async (context) => {
          const series: KillSeries = { network, verb, when, victim: "standalone", heir, every };
          const steps = await killAtEveryStep(series, bundle);
          context.diagnostic(`${steps.length} steps`);
          assert.ok(steps.length * every >= FEWEST_STEPS[verb], steps.join("\n"));
        });
      }
    }
  }
});
