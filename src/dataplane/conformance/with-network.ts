/** A world with one data plane on every node, for tests: built, applied, and taken away again. */
import assert from "node:assert/strict";
import type { Applied, Connectivity, DesiredNetwork } from "../contract.ts";
import { FAMILIES } from "../contract.ts";
import { ask, startEcho } from "./echo.ts";
import type { PlaneCase } from "./planes.ts";
import { createWorld, type World } from "./world.ts";

const DEADLINE_MS = 10_000;
/** Outer headers of the question: IP and UDP. */
const HEADER_BYTES = { 4: 28, 6: 48 } as const;

export interface Network {
  readonly world: World;
  readonly planes: readonly Connectivity[];
  desired(index: number): DesiredNetwork;
  apply(index: number, desired?: DesiredNetwork): Promise<Applied>;
}

export async function withNetwork(plane: PlaneCase, body: (network: Network) => Promise<void>): Promise<void> {
  using world = await createWorld();
  await using stack = new AsyncDisposableStack();
  const planes = world.nodes.map((node) => stack.use(plane.create(node)));
  const desired = (index: number) => world.desired(index, () => plane.backend);
  const apply = (index: number, wanted = desired(index)) => applyTo(planes[index], wanted);
  for (const { problems } of await Promise.all(planes.map((_, index) => apply(index)))) {
    assert.deepEqual(problems, []);
  }
  for (const pod of world.pods) {
    for (const family of FAMILIES) stack.use(startEcho(pod.netns, pod.addresses[family]));
  }
  await body({ world, planes, desired, apply });
}

export function applyTo(plane: Connectivity | undefined, desired: DesiredNetwork): Promise<Applied> {
  assert.ok(plane);
  return plane.apply(desired, AbortSignal.timeout(DEADLINE_MS));
}

/** Pairs of pods whose question does not arrive under the asker's own address, or whose answer does not come. */
export async function brokenPairs(world: World, mtuBytes?: number): Promise<readonly string[]> {
  const answers = world.pods.flatMap((from) =>
    world.pods.flatMap((to) =>
      FAMILIES.map(async (family) => {
        const [source, target] = [from.addresses[family], to.addresses[family]];
        const bytes = mtuBytes === undefined ? 1 : mtuBytes - HEADER_BYTES[family];
        const seen = await ask(from.netns, source, target, bytes);
        return seen === source ? [] : [`${source} → ${target}: ${seen}`];
      }),
    ),
  );
  return (await Promise.all(answers)).flat();
}
