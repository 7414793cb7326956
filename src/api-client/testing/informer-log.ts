/** What an informer told, and a model of its objects that is made of nothing else. */
import assert from "node:assert/strict";
import type { KubeObject } from "#api/kind.ts";
import type { Informer } from "../informer.ts";
import { keyOf } from "../object-cache.ts";

export interface InformerLog<O extends KubeObject> extends Disposable {
  /** "add a", "update a", "delete a" */
  readonly lines: string[];
  readonly model: ReadonlyMap<string, O>;
  /** Resolves when that is true, which is asked now and behind each event. */
  until(isTrue: () => boolean): Promise<void>;
}

const PATIENCE_MS = 20_000;

export function logInformer<O extends KubeObject>(informer: Pick<Informer<O>, "subscribe">): InformerLog<O> {
  const lines: string[] = [];
  const model = new Map<string, O>();
  let changed = Promise.withResolvers<void>();
  const note = (line: string): void => {
    lines.push(line);
    changed.resolve();
    changed = Promise.withResolvers();
  };
  /** Informers go on when a handler throws: the test hears of it in `until`. */
  const problems: string[] = [];
  const check = (isRight: boolean, problem: string): void => void (isRight || problems.push(problem));
  const subscription = informer.subscribe({
    onAdd(object) {
      check(!model.has(keyOf(object)), `${keyOf(object)} was added twice`);
      model.set(keyOf(object), object);
      note(`add ${keyOf(object)}`);
    },
    onUpdate(object, old) {
      check(model.get(keyOf(object)) === old, `${keyOf(object)} was updated from something else`);
      model.set(keyOf(object), object);
      note(`update ${keyOf(object)}`);
    },
    onDelete(object) {
      check(model.delete(keyOf(object)), `${keyOf(object)} was deleted, and never there`);
      note(`delete ${keyOf(object)}`);
    },
  });
  return {
    lines,
    model,
    async until(isTrue) {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(
        () => late.reject(new Error(`Still not: ${isTrue}; told: ${lines.slice(-20)}`)),
        PATIENCE_MS,
      );
      try {
        while (!isTrue()) await Promise.race([changed.promise, late.promise]);
      } finally {
        clearTimeout(timer);
      }
      assert.deepEqual(problems, []);
    },
    [Symbol.dispose]: () => subscription[Symbol.dispose](),
  };
}
