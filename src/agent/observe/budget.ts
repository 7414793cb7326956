/** So many a second are let through; of the others it is told how many there were, at most once a second. */
export interface Budget extends Disposable {
  /** False when there is none left. */
  take(): boolean;
}

export interface BudgetOptions {
  readonly perSecond: number;
  readonly missed: (number: number) => void;
}

const SECOND_MS = 1000;

export function createBudget({ perSecond, missed }: BudgetOptions): Budget {
  let left = perSecond;
  let over = 0;
  let timer: NodeJS.Timeout | undefined;

  /** Runs only while something is taken. */
  function renew(): void {
    timer = undefined;
    left = perSecond;
    if (over > 0) missed(over);
    over = 0;
  }

  return {
    take() {
      timer ??= setTimeout(renew, SECOND_MS).unref();
      if (left > 0) {
        left--;
        return true;
      }
      over++;
      return false;
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
