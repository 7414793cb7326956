/** When the API says of a policy that every node has it: its condition Programmed. */
import { type NetworkPolicy, networkPolicy } from "#api/kinds/network-policy.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { NAMESPACE } from "./cluster-policies.ts";

export interface ProgrammedWatch extends AsyncDisposable {
  /** Policies that are there. */
  count(): number;
  /** Resolves when all that are there are on every node as they are, and so many are. */
  all(count: number, signal: AbortSignal): Promise<void>;
  /** Resolves with performance.now() when this policy is, in this generation or a later one. */
  one(name: string, generation: number, signal: AbortSignal): Promise<number>;
}

const DEADLINE_MS = 180_000;

export async function watchProgrammed(client: ApiClient): Promise<ProgrammedWatch> {
  const generations = new Map<string, number>();
  const missing = new Set<string>();
  const waiting = new Set<() => void>();
  let trouble = "";
  const take = ({ metadata, status }: NetworkPolicy): void => {
    const { name = "", generation = 0 } = metadata;
    const found = status?.conditions?.find(({ type }) => type === "Programmed");
    const programmed = found?.status === "True" ? (found.observedGeneration ?? 0) : 0;
    generations.set(name, programmed);
    if (programmed < generation) missing.add(name);
    else missing.delete(name);
    for (const look of waiting) look();
  };
  const informer = createInformer<NetworkPolicy>({
    client,
    kind: networkPolicy,
    query: { namespace: NAMESPACE },
    onError: (error) => {
      trouble = `: ${error instanceof Error ? error.message : String(error)}`;
    },
  });
  informer.subscribe({
    onAdd: take,
    onUpdate: take,
    onDelete({ metadata: { name = "" } }) {
      generations.delete(name);
      missing.delete(name);
      for (const look of waiting) look();
    },
  });
  await informer.synced;

  async function until(what: () => string, isDone: () => boolean, signal: AbortSignal): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
    const onAbort = (): void =>
      reject(signal.aborted ? signal.reason : new Error(`Cannot measure: ${what()}${trouble}`));
    const look = (): void => {
      if (isDone()) resolve(performance.now());
    };
    waiting.add(look);
    deadline.addEventListener("abort", onAbort, { once: true });
    look();
    try {
      return await promise;
    } finally {
      waiting.delete(look);
      deadline.removeEventListener("abort", onAbort);
    }
  }

  return {
    count: () => generations.size,
    async all(count, signal) {
      const what = (): string => `${missing.size} of ${generations.size} policies are not on every node`;
      await until(what, () => generations.size === count && missing.size === 0, signal);
    },
    one: (name, generation, signal) =>
      until(
        () => `policy ${name} is not on every node`,
        () => (generations.get(name) ?? 0) >= generation,
        signal,
      ),
    [Symbol.asyncDispose]: () => informer[Symbol.asyncDispose](),
  };
}
