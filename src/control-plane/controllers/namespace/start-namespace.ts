/** Deletes what is in a namespace that is being deleted, whatever its kind, and lets the namespace go when it is empty. */
import { isApiError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import { type Namespace, namespace as namespaceKind } from "#api/kinds/namespace.ts";
import { timeText } from "../../resources/stored-object.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { deletableKinds, type KindSource } from "../kind-source.ts";
import { runLimited } from "../run-limited.ts";
import { startControlLoop } from "../start-control-loop.ts";
import { watchKinds } from "../watch-kinds.ts";
import {
  type Content,
  needsDeletion,
  planContentDeletion,
  planWaitingStatus,
  withoutFinalizer,
} from "./plan-namespace-deletion.ts";

const NAME = "namespace";
const DELETIONS_AT_ONCE = 16;
/** Objects mostly go in crowds, and each look at a namespace is at all of it. */
const GATHER_MS = 50;

export function namespaceController(kinds: KindSource): Controller {
  return { name: NAME, start: (context) => start(context, kinds) };
}

function start(context: ControllerContext, kinds: KindSource): Promise<AsyncDisposable> {
  const namespaces = context.informer(namespaceKind);
  return startControlLoop(context, {
    name: NAME,
    workers: 4,
    informers: [namespaces],
    subscribe(queue, subscriptions) {
      const look = (namespace: Namespace): void => {
        if (needsDeletion(namespace)) queue.add(namespace.metadata.name ?? "");
      };
      subscriptions.use(namespaces.subscribe({ onAdd: look, onUpdate: look }));
      const onDelete = (_kind: Kind, { metadata }: KubeObject): void => {
        const { namespace: name = "" } = metadata;
        const namespace = namespaces.get(undefined, name);
        if (namespace !== undefined && needsDeletion(namespace)) queue.addAfter(name, GATHER_MS);
      };
      const ignore = (): void => undefined;
      subscriptions.use(watchKinds(context, kinds, { onAdd: ignore, onUpdate: ignore, onDelete, onKindGone: ignore }));
    },
    async work(name, signal) {
      const namespace = namespaces.get(undefined, name);
      if (namespace === undefined || !needsDeletion(namespace)) return;
      await deleteContent(context, kinds, { namespace, signal });
    },
  });
}

interface Deletion {
  readonly namespace: Namespace;
  readonly signal: AbortSignal;
}

async function deleteContent(context: ControllerContext, kinds: KindSource, deletion: Deletion): Promise<void> {
  const { client } = context;
  const { namespace, signal } = deletion;
  let contents = await listContents(context, deletableKinds(kinds.all()), deletion);
  let errors = await deleteAll(context, contents, signal);
  contents = await listContents(context, kindsOf(contents), deletion);
  if (errors.length === 0 && planContentDeletion(contents).length > 0) {
    // The pods have gone at once.
    errors = await deleteAll(context, contents, signal);
    contents = await listContents(context, kindsOf(contents), deletion);
  }
  if (contents.length === 0 && errors.length === 0) {
    await client.updateSubresource(namespaceKind, withoutFinalizer(namespace), "finalize", signal);
    return;
  }
  const now = timeText(context.now());
  const next = planWaitingStatus(namespace, { contents, errors: errors.map(String), now });
  if (next !== undefined) await client.updateStatus(namespaceKind, next, signal);
  if (errors.length > 0) throw new AggregateError(errors, `Cannot delete all of namespace ${namespace.metadata.name}`);
}

function kindsOf(contents: readonly Content<Kind>[]): readonly Kind[] {
  return contents.map(({ kind }) => kind);
}

/** What is there now, asked of the server: caches may not show the last objects yet. */
async function listContents(
  { client }: Pick<ControllerContext, "client">,
  kinds: readonly Kind[],
  { namespace, signal }: Deletion,
): Promise<readonly Content<Kind>[]> {
  const contents: Content<Kind>[] = [];
  for (const kind of kinds) {
    if (!kind.isNamespaced) continue;
    const objects = await listAll(client, kind, { namespace, signal });
    if (objects.length > 0) contents.push({ kind, objects });
  }
  return contents;
}

async function listAll(client: ControllerContext["client"], kind: Kind, { namespace, signal }: Deletion) {
  try {
    const { items } = await client.list(kind, { namespace: namespace.metadata.name }, signal);
    return items;
  } catch (error) {
    // The kind was removed meanwhile, and its objects with it.
    if (isApiError(error, "NotFound")) return [];
    throw error;
  }
}

async function deleteAll(
  { client }: Pick<ControllerContext, "client">,
  contents: readonly Content<Kind>[],
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  return await runLimited(planContentDeletion(contents), DELETIONS_AT_ONCE, async ({ kind, object }) => {
    const { namespace, name = "", uid } = object.metadata;
    const options = { propagationPolicy: "Background", ...(uid !== undefined && { uid }) } as const;
    try {
      await client.delete(kind, { namespace, name }, options, signal);
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
    }
  });
}
