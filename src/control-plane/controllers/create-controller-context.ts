/** What the controllers of one leader share: a client that is fenced to its term, and one informer for each kind. */
import { apiVersionOf, type Kind, type KubeObject } from "#api/kind.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createEventRecorder } from "#api-client/create-event-recorder.ts";
import { createInformer } from "#api-client/create-informer.ts";
import type { EventRecorder } from "#api-client/event-recorder.ts";
import type { IndexFunction, Informer } from "#api-client/informer.ts";
import { isJsonObject } from "#base/json.ts";
import type { Log } from "#base/log.ts";
import type { ControllerContext } from "./controller.ts";

export interface ControllerContextOptions {
  readonly client: ApiClient;
  readonly log: Log;
  readonly now?: () => Date;
  /** Ends the informers when it is aborted, so that nobody waits for them to sync any more. */
  readonly signal?: AbortSignal;
}

/** All controllers of one leader; disposal ends the informers and the recorders. */
export interface SharedControllerContext extends AsyncDisposable {
  /** The context of one component: its events come from there. "deployment-controller", "default-scheduler" */
  of(component: string): ControllerContext;
}

const INDEXES: Readonly<Record<string, IndexFunction<KubeObject>>> = {
  owner: ({ metadata }) =>
    (metadata.ownerReferences ?? []).filter(({ controller }) => controller === true).map(({ uid }) => uid),
  ownerUid: ({ metadata }) => (metadata.ownerReferences ?? []).map(({ uid }) => uid),
};

const POD_INDEXES: Readonly<Record<string, IndexFunction<KubeObject>>> = {
  ...INDEXES,
  node({ spec }) {
    const nodeName = isJsonObject(spec) ? spec["nodeName"] : undefined;
    return typeof nodeName === "string" && nodeName !== "" ? [nodeName] : [];
  },
  label: ({ metadata: { namespace = "", labels = {} } }) =>
    Object.entries(labels).map(([name, value]) => `${namespace}/${name}=${value}`),
};

export function createControllerContext(options: ControllerContextOptions): SharedControllerContext {
  const { client, log, now = () => new Date(), signal } = options;
  const informers = new Map<string, Informer<KubeObject>>();
  const recorders = new Map<string, EventRecorder>();

  function informer<O extends KubeObject>(kind: Kind<O>): Informer<O> {
    const key = `${apiVersionOf(kind)}/${kind.plural}`;
    // An informer of the kind is kept under its name.
    const known = informers.get(key) as Informer<O> | undefined;
    if (known !== undefined) return known;
    const made = createInformer({
      client,
      kind,
      indexes: kind.group === "" && kind.plural === "pods" ? POD_INDEXES : INDEXES,
      onError: (error) => log.error("informer failed", { kind: kind.kind, error: String(error) }),
    });
    informers.set(key, made as unknown as Informer<KubeObject>);
    if (signal?.aborted === true) void made[Symbol.asyncDispose]();
    return made;
  }

  function recorder(component: string): EventRecorder {
    const known = recorders.get(component);
    if (known !== undefined) return known;
    const made = createEventRecorder({
      client,
      component,
      now,
      onError: (error) => log.error("event dropped", { component, error: String(error) }),
    });
    recorders.set(component, made);
    return made;
  }

  async function close(): Promise<void> {
    signal?.removeEventListener("abort", close);
    const all = [...recorders.values(), ...informers.values()];
    await Promise.all(all.map((each) => each[Symbol.asyncDispose]()));
  }
  signal?.addEventListener("abort", close);

  return {
    of: (component) => ({ client, informer, events: recorder(component), log, now }),
    [Symbol.asyncDispose]: close,
  };
}
