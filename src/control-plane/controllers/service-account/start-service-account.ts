/** Gives every namespace its default service account and the CA of the API server, and gives them back when they go. */
import { isApiError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { configMap } from "#api/kinds/config-map.ts";
import { namespace as namespaceKind } from "#api/kinds/namespace.ts";
import { serviceAccount } from "#api/kinds/service-account.ts";
import type { Informer } from "#api-client/informer.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { startControlLoop } from "../start-control-loop.ts";
import { DEFAULT_ACCOUNT, planNamespaceDefaults, ROOT_CA_NAME } from "./plan-namespace-defaults.ts";

const NAME = "service-account";

export interface ServiceAccountOptions {
  /** PEM of the CA that signed the API server's certificate. */
  readonly caCertificate: string;
}

export function serviceAccountController(options: ServiceAccountOptions): Controller {
  return { name: NAME, start: (context) => start(context, options) };
}

function start(context: ControllerContext, { caCertificate }: ServiceAccountOptions): Promise<AsyncDisposable> {
  const { client } = context;
  const namespaces = context.informer(namespaceKind);
  const accounts = context.informer(serviceAccount);
  const configMaps = context.informer(configMap);

  return startControlLoop(context, {
    name: NAME,
    workers: 4,
    informers: [namespaces, accounts, configMaps],
    subscribe(queue, subscriptions) {
      const watchOne = <O extends KubeObject>(informer: Informer<O>, name: string): void => {
        const look = ({ metadata }: O): void => {
          if (metadata.name === name) queue.add(metadata.namespace ?? "");
        };
        subscriptions.use(informer.subscribe({ onUpdate: look, onDelete: look }));
      };
      subscriptions.use(namespaces.subscribe({ onAdd: ({ metadata }) => queue.add(metadata.name ?? "") }));
      watchOne(accounts, DEFAULT_ACCOUNT);
      watchOne(configMaps, ROOT_CA_NAME);
    },
    async work(name, signal) {
      const plan = planNamespaceDefaults({
        namespace: namespaces.get(undefined, name),
        account: accounts.get(name, DEFAULT_ACCOUNT),
        rootCa: configMaps.get(name, ROOT_CA_NAME),
        caCertificate,
      });
      const { createAccount, createRootCa, updateRootCa } = plan;
      if (createAccount !== undefined) await ensure(() => client.create(serviceAccount, createAccount, signal));
      if (createRootCa !== undefined) await ensure(() => client.create(configMap, createRootCa, signal));
      if (updateRootCa !== undefined) await client.update(configMap, updateRootCa, signal);
    },
  });
}

/** The caches may not show yet what is there, or that the namespace is gone. */
async function ensure(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!isApiError(error, "AlreadyExists") && !isApiError(error, "NotFound")) throw error;
  }
}
