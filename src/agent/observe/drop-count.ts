/**
 * How many drops the kernel did not tell of, because a rule's messages are limited: the rules' counters know all of them.
 * They are read only when the messages of some rule came so fast that the limit can have been reached, and a second later.
 */
import type { RuleCounter } from "#dataplane/policy/contract.ts";

export interface DropCount extends Disposable {
  logged(prefix: string): void;
}

export interface DropCountOptions {
  readonly counters: () => readonly RuleCounter[];
  readonly missed: (packets: number) => void;
  /** Messages a second of one rule. */
  readonly limit?: number | undefined;
}

const SECOND_MS = 1000;
/** Half of the kernel's limit: seconds here and there begin at different times. */
const NEAR_LIMIT = 500;

export function createDropCount({ counters, missed, limit = NEAR_LIMIT }: DropCountOptions): DropCount {
  /** Messages since the counters were read. */
  let told = 0;
  let counted = countDrops(counters());
  let thisSecond = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  /** Runs only while there are drops. */
  function endSecond(): void {
    timer = undefined;
    const isNear = [...thisSecond.values()].some((messages) => messages >= limit);
    thisSecond = new Map();
    if (!isNear) return;
    const now = countDrops(counters());
    // Rules that were made anew count from zero: then less is known.
    const lacking = now - counted - told;
    counted = now;
    told = 0;
    if (lacking > 0) missed(lacking);
  }

  return {
    logged(prefix) {
      told++;
      thisSecond.set(prefix, (thisSecond.get(prefix) ?? 0) + 1);
      timer ??= setTimeout(endSecond, SECOND_MS).unref();
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

function countDrops(counters: readonly RuleCounter[]): number {
  return counters.reduce((sum, { verdict, packets }) => (verdict === "deny" ? sum + packets : sum), 0);
}
