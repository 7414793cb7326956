/** A store whose writes fail when a test says so, and before whose writes a test can do something itself. */
import { type Store, StoreError, type StoreErrorCode, type WriteRequest } from "../../store/store.ts";

export interface FaultyStore {
  readonly store: Store;
  /** Fails the next write with this code: before anything is written, or although it was. */
  failNext(code: StoreErrorCode, when: "before" | "after"): void;
  /** Called before each write with the name of its object; a code lets the write fail. */
  beforeWrite: ((name: string) => Promise<StoreErrorCode | undefined>) | undefined;
  /** What the last write asked the store for. */
  lastWrite: WriteRequest | undefined;
}

export function createFaultyStore(inner: Store): FaultyStore {
  let failure: { readonly code: StoreErrorCode; readonly when: "before" | "after" } | undefined;
  const fail = (code: StoreErrorCode): never => {
    throw new StoreError({ code, message: "made to fail" });
  };
  const faulty: FaultyStore = {
    store: {
      ...inner,
      async write(request, signal) {
        faulty.lastWrite = request;
        const planned = failure;
        failure = undefined;
        if (planned?.when === "before") fail(planned.code);
        const refusal = await faulty.beforeWrite?.(request.key.split("/").at(-1) ?? "");
        if (refusal !== undefined) fail(refusal);
        const revision = await inner.write(request, signal);
        if (planned !== undefined) fail(planned.code);
        return revision;
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    },
    failNext(code, when) {
      failure = { code, when };
    },
    beforeWrite: undefined,
    lastWrite: undefined,
  };
  return faulty;
}
