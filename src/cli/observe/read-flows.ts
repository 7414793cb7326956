/**
 * The flows of several agents in the order of time. What each has is read page by page; who follows waits for all at once,
 * and prints what came in one turn together, in order.
 */
import { AgentError } from "#agent/agent-error.ts";
import { askAgent } from "#agent/ask-agent.ts";
import type { FlowEntry } from "#agent/observe/flow.ts";
import type { FlowCursor, FlowPage } from "#agent/observe/flow-ring.ts";
import { OBSERVE_REQUEST, type ObserveQuery, parseObserveReply } from "#agent/observe/observe-protocol.ts";

export interface FlowSource {
  readonly node: string;
  ask(query: ObserveQuery, signal: AbortSignal): Promise<FlowPage>;
}

/** Of one agent's answers. */
export class ObserveError extends Error {
  override readonly name = "ObserveError";
}

export function agentFlows(node: string, socket: string): FlowSource {
  return {
    node,
    async ask(query, signal) {
      const stdin = Buffer.from(JSON.stringify(query));
      const { stdout, stderr, exitCode } = await askAgent(
        socket,
        { plugin: OBSERVE_REQUEST, environment: {}, stdin },
        signal,
      );
      if (exitCode !== 0) throw new ObserveError(stderr.trim() || stdout.trim());
      return parseObserveReply(stdout);
    },
  };
}

export interface FlowsSoFar {
  readonly entries: readonly FlowEntry[];
  /** By node. */
  readonly cursors: ReadonlyMap<string, FlowCursor>;
}

/** All that the agents have, oldest first. */
export async function readFlows(
  sources: readonly FlowSource[],
  sinceMicros: number | undefined,
  signal: AbortSignal,
): Promise<FlowsSoFar> {
  const cursors = new Map<string, FlowCursor>();
  const nowMicros = Date.now() * 1000;
  const pages = await Promise.all(
    sources.map(async ({ node, ask }) => {
      const entries: FlowEntry[] = [];
      let page = await ask({ sinceMicros }, signal);
      while (page.entries.length > 0) {
        entries.push(...page.entries);
        // A busy node never comes to an end.
        if (page.entries.some(({ timeMicros }) => timeMicros > nowMicros)) break;
        page = await ask({ after: page.next }, signal);
      }
      cursors.set(node, page.next);
      return entries;
    }),
  );
  return { entries: inOrder(pages.flat()), cursors };
}

const WAIT_MS = 20_000;
/** What agents record at one time is read within it: then lines are in order across nodes. */
const TURN_MS = 50;

/** Until the signal aborts, or (an agent that restarts is waited for by whoever calls again) an agent ends. */
export async function followFlows(
  sources: readonly FlowSource[],
  { cursors }: Pick<FlowsSoFar, "cursors">,
  { show, signal }: { readonly show: (entry: FlowEntry) => void; readonly signal: AbortSignal },
): Promise<void> {
  let pending: FlowEntry[] = [];
  let turn: NodeJS.Timeout | undefined;
  const flush = (): void => {
    turn = undefined;
    const entries = inOrder(pending);
    pending = [];
    for (const entry of entries) show(entry);
  };
  try {
    await Promise.all(
      sources.map(async ({ node, ask }) => {
        let after = cursors.get(node);
        while (!signal.aborted) {
          const page = await ask({ after, waitMs: WAIT_MS }, signal);
          after = page.next;
          if (page.entries.length === 0) continue;
          pending.push(...page.entries);
          turn ??= setTimeout(flush, TURN_MS);
        }
      }),
    );
  } finally {
    clearTimeout(turn);
    flush();
  }
}

export function isAgentGone(error: unknown): boolean {
  return error instanceof AgentError && error.code === "notRunning";
}

function inOrder(entries: readonly FlowEntry[]): readonly FlowEntry[] {
  return entries.toSorted((a, b) => a.timeMicros - b.timeMicros);
}
