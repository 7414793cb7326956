/**
 * What only one control plane of a cluster runs: the controllers and the scheduler. Their writes carry the fence of the
 * term, so that what a former leader still has under way is refused.
 */
import type { Log } from "#base/log.ts";
import type { Controller } from "./controllers/controller.ts";
import { createControllerContext } from "./controllers/create-controller-context.ts";
import type { Term } from "./leader/start-leader-election.ts";
import type { KindRegistry } from "./resources/kind-registry.ts";
import { createLocalClient } from "./resources/local-client.ts";
import type { ResourceApi } from "./resources/resource-api.ts";

export interface LeadingDeps {
  readonly resourceApi: ResourceApi;
  readonly registry: KindRegistry;
  readonly log: Log;
}

/** Programs of the control plane, by the user that RBAC knows them as. */
export interface ControlProgram {
  /** "system:kube-scheduler" */
  readonly user: string;
  readonly controllers: readonly Controller[];
}

/** Resolves when all of them run; rejects when one cannot start, or when the term is over before. */
export async function startLeading(
  { resourceApi, registry, log }: LeadingDeps,
  programs: readonly ControlProgram[],
  { fence, signal }: Term,
): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  for (const { user: name, controllers } of programs) {
    const user = { name, groups: ["system:authenticated"] };
    const client = createLocalClient({ api: resourceApi, kinds: registry, user, fence });
    const context = stack.use(createControllerContext({ client, log, signal }));
    const starts = await Promise.allSettled(
      controllers.map((controller) => controller.start(context.of(componentOf(controller)))),
    );
    // First all that run, so that they stop when one does not.
    for (const start of starts) if (start.status === "fulfilled") stack.use(start.value);
    for (const start of starts) if (start.status === "rejected") throw start.reason;
  }
  return stack.move();
}

/** As the source of events: "deployment-controller", "replicaset-controller"; the scheduler has a name of its own. */
function componentOf({ name }: Controller): string {
  return name.includes("scheduler") ? name : `${name.replace(/-set$/, "set")}-controller`;
}
