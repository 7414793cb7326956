/**
 * Unmodified kubectls drive the control plane: the table in cases/ is run whole with the oldest and the newest kubectl
 * of this machine, and its essential groups with those between.
 */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { CaseGroup, Step } from "./case-table.ts";
import { caseGroups } from "./cases/case-groups.ts";
import { findKubectls, HOW_TO_PROVIDE, type Kubectl } from "./find-kubectls.ts";
import { type FakeKubelet, startFakeKubelet } from "./kubelet/start-fake-kubelet.ts";
import { createKubectlRunner, type KubectlRunner } from "./run-kubectl.ts";
import { runStep } from "./run-step.ts";
import { type ControlPlaneProcess, startControlPlaneProcess } from "./start-control-plane-process.ts";

const { supported, skipped } = findKubectls();
for (const reason of skipped) process.stderr.write(`kubectl tests: not used: ${reason}\n`);
if (supported.length === 0) process.stderr.write(`kubectl tests: SKIPPED: ${HOW_TO_PROVIDE}\n`);

const PARALLEL_GROUPS = 3;
const [newest, oldest] = [supported.at(-1), supported[0]];
/** What takes longest comes first. */
const inOrder = [...new Set([newest, oldest, ...supported])].filter((kubectl) => kubectl !== undefined);

suite("kubectl", { skip: supported.length === 0 && HOW_TO_PROVIDE, concurrency: 2 }, () => {
  for (const kubectl of inOrder) {
    const isWhole = kubectl === newest || kubectl === oldest;
    const groups = isWhole ? caseGroups : caseGroups.filter(({ isEssential }) => isEssential);
    suite(`kubectl 1.${kubectl.minor}`, { concurrency: PARALLEL_GROUPS }, () => declareVersion(kubectl, groups));
  }
});

function declareVersion(kubectl: Kubectl, groups: readonly CaseGroup[]): void {
  const stack = new AsyncDisposableStack();
  const troubles: string[] = [];
  let folder: string;
  let controlPlane: ControlPlaneProcess | undefined;
  let kubelet: FakeKubelet;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "podwire-kubectl-"));
    stack.defer(() => rm(folder, { recursive: true }));
    controlPlane = stack.use(await startControlPlaneProcess(folder));
    const { pki, server } = controlPlane;
    kubelet = stack.use(await startFakeKubelet({ pki, server, onError: (error) => troubles.push(String(error)) }));
    await Promise.all(["node-1", "node-2"].map((name) => kubelet.addNode(name, { labels: { pool: "general" } })));
  });
  after(async () => {
    const log = controlPlane?.log() ?? "";
    await stack.disposeAsync();
    assert.deepEqual(troubles, [], "the nodes had trouble");
    assert.doesNotMatch(log, / error /, "the control plane had trouble");
  });

  for (const group of groups) {
    suite(group.name, { concurrency: 1 }, () => {
      let runner: KubectlRunner;
      before(async () => {
        const own = join(folder, group.name);
        await mkdir(own);
        runner = await createKubectlRunner({
          kubectl,
          folder: own,
          namespace: group.name,
          kubeconfigText: controlPlane?.kubeconfigText ?? "",
          files: group.files ?? {},
        });
        const taints = [{ key: "group", value: group.name, effect: "NoSchedule" as const }];
        await Promise.all((group.nodes ?? []).map((name) => kubelet.addNode(name, { taints })));
      });
      const create: Step = { run: `create namespace ${group.name}`, stdout: `namespace/${group.name} created` };
      for (const step of [create, ...group.steps]) {
        const isTooOld = step.since !== undefined && kubectl.minor < step.since;
        test(`${kubectl.minor} ${group.name}: ${step.run}`, { skip: isTooOld && `came with 1.${step.since}` }, () =>
          runStep(step, { runner, minor: kubectl.minor }),
        );
      }
    });
  }
}
