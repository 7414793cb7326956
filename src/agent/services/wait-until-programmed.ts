/**
 * Waits until every ready node has a Service, as it is now, with its endpoints in the kernel, and its name where the node
 * serves names: asks the question of #api/programmed/question.ts and counts the answers.
 */
import type { KubeObject } from "#api/kind.ts";
import { type EndpointSlice, endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { type Lease, lease as leaseKind } from "#api/kinds/lease.ts";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import { type Service, service as serviceKind } from "#api/kinds/service/service.ts";
import { NAME_ANSWER_LABEL, type NameAnswer, parseNameAnswer } from "#api/programmed/name-answer.ts";
import { PROGRAMMED_NAMESPACE } from "#api/programmed/question.ts";
import {
  parseServiceAnswer,
  SERVICE_ANSWER_LABEL,
  type ServiceAnswer,
  type ServiceRevisions,
} from "#api/programmed/service-answer.ts";
import type { ApiClient, ObjectName } from "#api-client/api-client.ts";
import { askProgrammed } from "#api-client/ask-programmed.ts";
import { createInformer } from "#api-client/create-informer.ts";
import type { Informer } from "#api-client/informer.ts";
import { SERVICE_NAME_LABEL } from "#service/service-index.ts";

export interface MissingNode {
  readonly node: string;
  readonly reason: string;
}

export interface ProgrammedService {
  /** Versions of the Service and of the latest of its EndpointSlices. */
  readonly required: ServiceRevisions;
  readonly endpoints: number;
  readonly nodes: readonly string[];
}

export class NotProgrammedError extends Error {
  override readonly name = "NotProgrammedError";
  readonly missing: readonly MissingNode[];

  constructor(what: string, missing: readonly MissingNode[], options: ErrorOptions) {
    super(what, options);
    this.missing = missing;
  }
}

/** Rejects with NotProgrammedError when the signal ends the wait, and with ApiError when there is no such Service. */
export async function waitUntilProgrammed(
  client: ApiClient,
  name: Required<ObjectName>,
  signal: AbortSignal,
): Promise<ProgrammedService> {
  await using stack = new AsyncDisposableStack();
  const service = await client.get(serviceKind, name, signal);
  const state = { what: `the EndpointSlices of ${name.namespace}/${name.name} are not there yet`, trouble: "" };
  const onError = (error: unknown): void => {
    state.trouble = `: ${error instanceof Error ? error.message : String(error)}`;
  };
  const { namespace } = name;
  const labelSelector = `${SERVICE_NAME_LABEL}=${name.name}`;
  const slices = stack.use(
    createInformer<EndpointSlice>({ client, kind: endpointSlice, query: { namespace, labelSelector }, onError }),
  );
  let missing: readonly MissingNode[] = [];
  try {
    await until([slices], () => missingFamilies(service, slices.list()).length === 0, signal);
    const required = requiredRevisions(service, slices.list());
    const endpoints = slices.list().reduce((sum, slice) => sum + slice.endpoints.length, 0);
    const nodes = stack.use(createInformer<Node>({ client, kind: nodeKind, onError }));
    const leasesWith = (label: string): Informer<Lease> =>
      stack.use(
        createInformer<Lease>({
          client,
          kind: leaseKind,
          query: { namespace: PROGRAMMED_NAMESPACE, labelSelector: label },
          onError,
        }),
      );
    const answers = leasesWith(SERVICE_ANSWER_LABEL);
    const nameAnswers = leasesWith(NAME_ANSWER_LABEL);
    state.what = "not every node has answered";
    const question = await askProgrammed(client, { asker: "podwire-wait" }, signal);
    const look = (): boolean => {
      const given = {
        services: answers.list().flatMap((lease) => parseServiceAnswer(lease) ?? []),
        names: nameAnswers.list().flatMap((lease) => parseNameAnswer(lease) ?? []),
      };
      missing = missingNodes(nodes.list(), given, { question, required });
      const isReady = readyNodes(nodes.list()).length > 0;
      state.what = isReady ? "not every node has answered" : "no node is ready";
      return isReady && missing.length === 0;
    };
    await until([nodes, answers, nameAnswers], look, signal);
    return { required, endpoints, nodes: readyNodes(nodes.list()) };
  } catch (cause) {
    if (!signal.aborted) throw cause;
    throw new NotProgrammedError(`${state.what}${state.trouble}`, missing, { cause });
  }
}

/** Families in which its controller has not made any slice. Without a selector nobody says what is to come. */
export function missingFamilies({ spec }: Service, slices: readonly EndpointSlice[]): readonly string[] {
  if (spec.type === "ExternalName" || Object.keys(spec.selector ?? {}).length === 0) return [];
  return (spec.ipFamilies ?? []).filter((family) => slices.every(({ addressType }) => addressType !== family));
}

export function requiredRevisions({ metadata }: Service, slices: readonly EndpointSlice[]): ServiceRevisions {
  return {
    services: Number(metadata.resourceVersion),
    endpointSlices: Math.max(0, ...slices.map((slice) => Number(slice.metadata.resourceVersion))),
  };
}

/** Ready nodes that have not said that they have it, each with what is known. Pure. */
export function missingNodes(
  nodes: readonly Node[],
  answers: GivenAnswers,
  { question, required }: { readonly question: number; readonly required: ServiceRevisions },
): readonly MissingNode[] {
  const agents = new Map(answers.services.map((answer) => [answer.node, answer]));
  const servers = new Map(answers.names.map((answer) => [answer.node, answer]));
  return readyNodes(nodes).flatMap((node): readonly MissingNode[] => {
    const agent = agents.get(node);
    if (agent === undefined || agent.question < question) return [{ node, reason: "its agent does not answer" }];
    if (agent.proxy === undefined) return [{ node, reason: "its agent leaves Services to another proxy" }];
    const late = behind(agent.programmed, required);
    if (late !== undefined) return [{ node, reason: `it has ${late}` }];
    const server = servers.get(node);
    if (server === undefined || !server.isServing) return [];
    if (server.question < question) return [{ node, reason: "its name server does not answer" }];
    const lateNames = behind(server.programmed, required);
    return lateNames === undefined ? [] : [{ node, reason: `its name server has ${lateNames}` }];
  });
}

export interface GivenAnswers {
  readonly services: readonly ServiceAnswer[];
  /** Of nodes whose name server has ever said that it is there. */
  readonly names: readonly NameAnswer[];
}

function behind(has: ServiceRevisions, needed: ServiceRevisions): string | undefined {
  if (has.services >= needed.services && has.endpointSlices >= needed.endpointSlices) return undefined;
  const versions = `Services up to version ${has.services}, EndpointSlices up to ${has.endpointSlices}`;
  return `${versions}; needed are ${needed.services} and ${needed.endpointSlices}`;
}

export function readyNodes(nodes: readonly Node[]): readonly string[] {
  const isReady = ({ status }: Node): boolean =>
    status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;
  return nodes.filter(isReady).map(({ metadata }) => metadata.name ?? "");
}

/** What every informer has, whatever its kind. */
type Followed = Pick<Informer<KubeObject>, "synced" | "hasSynced"> & {
  subscribe(handlers: { onAdd(): void; onUpdate(): void; onDelete(): void }): Disposable;
};

/** Resolves when `look` is true, which is asked at every event once all lists are complete. */
export async function until(informers: readonly Followed[], look: () => boolean, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  using stack = new DisposableStack();
  const check = (): void => {
    if (informers.every((informer) => informer.hasSynced()) && look()) resolve();
  };
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  stack.defer(() => signal.removeEventListener("abort", abort));
  if (signal.aborted) abort();
  for (const informer of informers) {
    stack.use(informer.subscribe({ onAdd: check, onUpdate: check, onDelete: check }));
    informer.synced.then(check, () => undefined); // closed
  }
  await promise;
}
