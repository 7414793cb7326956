/**
 * A node's network as its own tools print it, waited for by the kernel's events: after each of them it is looked at
 * again. Repairs are measured from the start of the damaging command to the last event before all is as it was.
 */
import { execInNode } from "#cluster/enter-node.ts";
import { openNetns } from "#kernel/netns/netns.ts";
import { watchNft } from "#kernel/nfnetlink/watch-nft.ts";
import { watchRtnetlink } from "#kernel/rtnetlink/events.ts";

const STATE = `ip -br link show; ip -br address show; ip route show; ip -6 route show
ip neighbour show nud permanent
bridge -d link show
ip link show flannel.1 >/dev/null 2>&1 && bridge fdb show dev flannel.1
nft list table inet podwire 2>/dev/null`;

/** Sorted lines; without what the kernel adds by itself, or sets in its own time. */
export async function nodeNetworkState(initPid: number, signal: AbortSignal): Promise<readonly string[]> {
  const { stdout } = await execInNode(initPid, ["sh", "-c", STATE], signal);
  return stdout
    .split("\n")
    .map((line) =>
      line
        .replace(/\bfe80::\S+|@if\d+| (UP|DOWN|UNKNOWN|LOWERLAYERDOWN)\b|NO-CARRIER,|,LOWER_UP| linkdown/g, "")
        .replace(/ +/g, " ")
        .trim(),
    )
    .filter((line) => line !== "" && !/^(dev \S+ proto kernel|multicast) /.test(line))
    .toSorted();
}

/** Resolves when the script succeeds in the node. Rejects with what it said last. */
export async function untilInNode(initPid: number, script: string, signal: AbortSignal): Promise<void> {
  using events = watchNode(initPid);
  await events.until(async () => {
    const { code, stdout, stderr } = await execInNode(initPid, ["sh", "-ec", script], signal);
    return code === 0 ? undefined : `"${script}" ended with ${code}: ${stdout}${stderr}`;
  }, signal);
}

/** Resolves to how long it took. Rejects with what still differs when the deadline is over. */
export async function measureRepair(initPid: number, damage: string, signal: AbortSignal): Promise<number> {
  const before = await nodeNetworkState(initPid, signal);
  using events = watchNode(initPid);
  const startedMs = performance.now();
  const { code, stderr } = await execInNode(initPid, ["sh", "-ec", damage], signal);
  if (code !== 0) throw new Error(`Cannot run "${damage}": ${stderr}`);
  await events.first(signal);
  let repairedMs = 0;
  await events.until(async () => {
    repairedMs = events.lastMs();
    return difference(before, await nodeNetworkState(initPid, signal));
  }, signal);
  return Math.round(repairedMs - startedMs);
}

function difference(before: readonly string[], now: readonly string[]): string | undefined {
  const missing = before.filter((line) => !now.includes(line));
  const extra = now.filter((line) => !before.includes(line));
  return missing.length + extra.length === 0 ? undefined : JSON.stringify({ missing, extra });
}

interface NodeEvents extends Disposable {
  lastMs(): number;
  first(signal: AbortSignal): Promise<void>;
  /** `look` says what is missing; asked again after each event. */
  until(look: () => Promise<string | undefined>, signal: AbortSignal): Promise<void>;
}

function watchNode(initPid: number): NodeEvents {
  using stack = new DisposableStack();
  let lastMs = 0;
  let next = Promise.withResolvers<void>();
  const event = (): void => {
    lastMs = performance.now();
    next.resolve();
  };
  const netns = stack.use(openNetns(`/proc/${initPid}/ns/net`));
  const groups = ["link", "address", "route", "neighbour"] as const;
  stack.use(watchRtnetlink({ netns, groups }, { event, lost: event }));
  stack.use(watchNft({ netns }, { changed: event, lost: event }));
  const nextEvent = async (signal: AbortSignal): Promise<void> => {
    const over = Promise.withResolvers<never>();
    const abort = (): void => over.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      await Promise.race([next.promise, over.promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  };
  const owned = stack.move();
  return {
    lastMs: () => lastMs,
    first: nextEvent,
    async until(look, signal) {
      for (;;) {
        next = Promise.withResolvers();
        const missing = await look();
        if (missing === undefined) return;
        try {
          await nextEvent(signal);
        } catch (cause) {
          throw new Error(missing, { cause });
        }
      }
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}
