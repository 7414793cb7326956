/**
 * Deletes links, and answers as soon as the kernel says that a link is gone. The acknowledgement comes only after all
 * readers are (RCU): 16 ms later, while the event comes after less than one. So each deletion waits for its
 * acknowledgement on a thread and socket of its own, and whoever asked waits for the event.
 * When all threads are busy, what has piled up goes as one group: sixty links cost about as much as two alone.
 * Equal to `ip link del DEV`, `ip link set DEV group N` and `ip link del group N`.
 */
import { isErrno } from "#kernel/kernel-error.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import { deleteLinkGroupOnThread, deleteLinkOnThread, setLink } from "#kernel/rtnetlink/link.ts";
import type { LinkEvents, LinkRemover } from "#plugins/host.ts";

/** First of the groups for links that are about to go, "podw" in ASCII; nothing else may use them. One per deletion. */
const DOOMED_GROUP = 0x706f6477;

/**
 * Deletions under way at the same time: each waits some 20 ms for its acknowledgement, so this many keep up with 500 links a
 * second one by one. libuv's pool has to have more threads than that (see thread-pool.ts).
 */
export const MAX_DELETIONS = 16;

interface Removal extends PromiseWithResolvers<void> {
  readonly ifindex: number;
}

interface Lane {
  readonly socket: NetlinkSocket;
  readonly group: number;
}

export interface LinkRemoverDeps {
  readonly events: LinkEvents;
  /** Opens an rtnetlink socket; the remover keeps it for later deletions. */
  readonly openSocket: () => NetlinkSocket;
}

export function createLinkRemover({ events, openSocket }: LinkRemoverDeps): LinkRemover {
  const waiting = new Map<number, Removal>();
  const idle: Lane[] = [];
  const queue: Removal[] = [];
  let deletions = 0;
  let isListening = false;

  /** By event or by acknowledgement, whichever comes first. */
  function settle(ifindex: number, outcome: (removal: Removal) => void): void {
    const removal = waiting.get(ifindex);
    if (removal === undefined) return;
    waiting.delete(ifindex);
    outcome(removal);
  }

  /** For the life of the remover: events arrive for others' deletions, too, and cost nothing then. */
  function listen(): void {
    isListening = true;
    events.listen({
      deleted: (ifindex) => settle(ifindex, ({ resolve }) => resolve()),
      lost: () => undefined, // the acknowledgement comes all the same
    });
  }

  async function run(): Promise<void> {
    const lane = takeLane();
    if (lane === undefined) return;
    deletions++;
    while (queue.length > 0) {
      // A lane that starts takes one; the last one takes all that is left.
      const batch = deletions < MAX_DELETIONS ? queue.splice(0, 1) : queue.splice(0);
      try {
        await deleteBatch(lane.socket, lane.group, batch);
        for (const { ifindex } of batch) settle(ifindex, ({ resolve }) => resolve());
      } catch (error) {
        fail(batch, error);
      }
    }
    deletions--;
    idle.push(lane);
  }

  /** Undefined when no socket can be had: what only a new lane would have done has failed then. */
  function takeLane(): Lane | undefined {
    try {
      return idle.pop() ?? { socket: openSocket(), group: DOOMED_GROUP + deletions };
    } catch (error) {
      if (deletions === 0) fail(queue.splice(0), error);
      return undefined;
    }
  }

  function fail(batch: readonly Removal[], error: unknown): void {
    for (const { ifindex } of batch) settle(ifindex, ({ reject }) => reject(error));
  }

  return {
    remove(ifindex) {
      if (!isListening) listen();
      const underWay = waiting.get(ifindex);
      if (underWay !== undefined) return underWay.promise;
      const removal = { ifindex, ...Promise.withResolvers<void>() };
      waiting.set(ifindex, removal);
      queue.push(removal);
      if (deletions < MAX_DELETIONS) void run();
      return removal.promise;
    },
  };
}

async function deleteBatch(socket: NetlinkSocket, group: number, batch: readonly Removal[]): Promise<void> {
  const [only] = batch;
  if (batch.length === 1 && only) return await ignoreMissing(deleteLinkOnThread(socket, only.ifindex));
  let marked = 0;
  for (const { ifindex } of batch) {
    try {
      setLink(socket, ifindex, { group });
      marked++;
    } catch (error) {
      if (!isErrno(error, "ENODEV")) throw error; // the pod's namespace ended meanwhile and took the link along
    }
  }
  if (marked > 0) await ignoreMissing(deleteLinkGroupOnThread(socket, group));
}

async function ignoreMissing(deletion: Promise<void>): Promise<void> {
  await deletion.catch((error: unknown) => {
    if (!isErrno(error, "ENODEV")) throw error;
  });
}
