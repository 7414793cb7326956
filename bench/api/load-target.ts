/** What load is put on: our API server by HTTP, or etcd by gRPC. */
import type { Operation } from "./cases.ts";

export interface LoadTarget extends Disposable {
  /** Objects to list and to update. Answers the bytes of one object, as the server has it. */
  prepare(): Promise<number>;
  /** Each number makes an object of its own. */
  create(index: number): Promise<void>;
  update(lane: number): Promise<void>;
  list(): Promise<void>;
  /**
   * Watchers of the objects that `create` makes, each told of by its number. Resolves when they stand.
   * `onEnd`: a watch ended by itself.
   */
  watch(watchers: number, onEvent: (watcher: number) => void, onEnd: (error: Error) => void): Promise<Disposable>;
}

/** Objects that updates go to: each lane has one of its own. */
export const UPDATED_OBJECTS = 64;

export function runOperation(target: LoadTarget, operation: Operation, index: number, lane: number): Promise<void> {
  switch (operation) {
    case "create":
      return target.create(index);
    case "update":
      return target.update(lane % UPDATED_OBJECTS);
    case "list":
      return target.list();
  }
}
