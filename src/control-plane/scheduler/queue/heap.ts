/** A priority queue: what `isBefore` puts first comes out first. */
export interface Heap<T> {
  readonly size: number;
  push(item: T): void;
  peek(): T | undefined;
  pop(): T | undefined;
}

export function createHeap<T>(isBefore: (a: T, b: T) => boolean): Heap<T> {
  /** A binary tree in an array: the children of i are 2i+1 and 2i+2, none of them before i. */
  const items: T[] = [];

  /** Lets an item sink from there to its place. */
  function settle(item: T, from: number): void {
    let at = from;
    for (;;) {
      let next = 2 * at + 1;
      const left = items[next];
      if (left === undefined) break;
      const right = items[next + 1];
      const isRight = right !== undefined && isBefore(right, left);
      if (isRight) next++;
      const child = isRight ? right : left;
      if (!isBefore(child, item)) break;
      items[at] = child;
      at = next;
    }
    items[at] = item;
  }

  return {
    get size() {
      return items.length;
    },
    push(item) {
      let at = items.length;
      while (at > 0) {
        const above = (at - 1) >> 1;
        const parent = items[above];
        if (parent === undefined || !isBefore(item, parent)) break;
        items[at] = parent;
        at = above;
      }
      items[at] = item;
    },
    peek: () => items[0],
    pop() {
      const [first] = items;
      const last = items.pop();
      if (last !== undefined && items.length > 0) settle(last, 0);
      return first;
    },
  };
}
