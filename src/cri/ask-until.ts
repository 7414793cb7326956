/**
 * For states of a container runtime that it announces by no event, such as the end of its own start.
 * The next question is asked when the last one was answered; states asked for here settle within milliseconds.
 */

export interface Question<Answer> {
  /** For the error: what did not come true. */
  readonly what: string;
  ask(signal: AbortSignal): Promise<Answer>;
  /** Gives the reason why the answer does not do yet, or undefined when it does. */
  missing(answer: Answer): string | undefined;
}

export async function askUntil<Answer>({ what, ask, missing }: Question<Answer>, signal: AbortSignal): Promise<Answer> {
  for (;;) {
    const answer = await ask(signal);
    const reason = missing(answer);
    if (reason === undefined) return answer;
    if (signal.aborted) throw new Error(`Cannot wait any longer for ${what}: ${reason}`, { cause: signal.reason });
  }
}
