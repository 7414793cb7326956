/** A set-up of several steps that leaves nothing behind when one of them fails. */

/** The set-up failed, and undoing it failed too: `errors[0]` is the first failure, the others come from the undo. */
export class UndoError extends AggregateError {
  override readonly name = "UndoError";
}

/** Each step that changed something defers its undo; they run in reverse order if a later step fails. */
export async function withUndo<T>(steps: (undo: AsyncDisposableStack) => Promise<T>): Promise<T> {
  await using undo = new AsyncDisposableStack();
  try {
    const value = await steps(undo);
    undo.move();
    return value;
  } catch (error) {
    try {
      await undo.disposeAsync();
    } catch (undoError) {
      const message = error instanceof Error ? error.message : String(error);
      throw new UndoError([error, undoError], `${message}; what was done before could not be undone`, { cause: error });
    }
    throw error;
  }
}
