/** Keeps the status of disruption budgets, by which evictions are allowed or refused. */
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { type PodDisruptionBudget, podDisruptionBudget } from "#api/kinds/pod-disruption-budget.ts";
import { labelSelectorMatcher } from "#api/selectors/label-selector.ts";
import { keyOf } from "#api-client/object-cache.ts";
import { isReady } from "../../resources/subresources/pod-conditions.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { createDeadlines } from "../deadlines.ts";
import { sameLabels } from "../endpoint-slice/select-services.ts";
import type { KindSource } from "../kind-source.ts";
import { sameJson } from "../same-json.ts";
import { splitKey } from "../split-key.ts";
import { startControlLoop } from "../start-control-loop.ts";
import { findScale } from "./find-scale.ts";
import { needsScale, planDisruptionBudget } from "./plan-disruption-budget.ts";

const NAME = "pod-disruption-budget";

export function podDisruptionBudgetController(kinds: Pick<KindSource, "all">): Controller {
  return { name: NAME, start: (context) => start(context, kinds) };
}

function start(context: ControllerContext, kinds: Pick<KindSource, "all">): Promise<AsyncDisposable> {
  const { client, now } = context;
  const budgets = context.informer(podDisruptionBudget);
  const pods = context.informer(podKind);
  let look = (_key: string): void => undefined;
  const deadlines = createDeadlines({ now, onDue: (key) => look(key) });

  function lookAtBudgetsOf({ metadata }: Pod): void {
    for (const budget of budgets.list(metadata.namespace)) {
      if (labelSelectorMatcher(budget.spec.selector)(metadata.labels)) look(keyOf(budget));
    }
  }

  return startControlLoop(context, {
    name: NAME,
    workers: 2,
    informers: [budgets, pods],
    subscribe(queue, subscriptions) {
      look = queue.add;
      subscriptions.use(deadlines);
      const lookAt = (budget: PodDisruptionBudget): void => look(keyOf(budget));
      subscriptions.use(budgets.subscribe({ onAdd: lookAt, onUpdate: lookAt, onDelete: lookAt }));
      subscriptions.use(
        pods.subscribe({
          onAdd: lookAtBudgetsOf,
          onUpdate(pod, old) {
            if (!sameLabels(pod.metadata.labels, old.metadata.labels)) lookAtBudgetsOf(old);
            if (isConcerned(pod, old)) lookAtBudgetsOf(pod);
          },
          onDelete: lookAtBudgetsOf,
        }),
      );
    },
    async work(key, signal) {
      const { namespace, name } = splitKey(key);
      const budget = budgets.get(namespace, name);
      if (budget === undefined || budget.metadata.deletionTimestamp !== undefined) return deadlines.clear(key);
      const matches = labelSelectorMatcher(budget.spec.selector);
      const selected = pods.list(namespace).filter(({ metadata }) => matches(metadata.labels));
      const scale = needsScale(budget) ? await findScale({ client, kinds }, selected, signal) : 0;
      const { next, recheckAt } = planDisruptionBudget({ budget, pods: selected, scale, now: now() });
      if (recheckAt === undefined) deadlines.clear(key);
      else deadlines.set(key, recheckAt);
      if (next !== undefined) await client.updateStatus(podDisruptionBudget, next, signal);
    },
  });
}

function isConcerned(pod: Pod, old: Pod): boolean {
  return (
    pod.metadata.uid !== old.metadata.uid ||
    isReady(pod.status) !== isReady(old.status) ||
    (pod.metadata.deletionTimestamp === undefined) !== (old.metadata.deletionTimestamp === undefined) ||
    !sameLabels(pod.metadata.labels, old.metadata.labels) ||
    !sameJson(pod.metadata.ownerReferences, old.metadata.ownerReferences)
  );
}
