/**
 * Keeps container logs small: a file that has grown too big is renamed and the runtime opens a new one; the oldest are
 * removed. Woken by writes (inotify), looked at once a second at most. They stay as they are, uncompressed, so that
 * whoever follows a log finds all that was written. Source: Kubernetes documentation, "Logging Architecture",
 * "Log rotation".
 */
import { type FSWatcher, watch } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { CriClient } from "#cri/cri-client.ts";
import { rotatedLogs, rotatedName } from "./log-files.ts";

export interface RotatedContainer {
  readonly id: string;
  readonly logPath: string;
}

export interface LogRotator extends AsyncDisposable {
  /** Containers of a pod that run now. */
  follow(uid: string, running: readonly RotatedContainer[]): void;
  isRotating(containerId: string): boolean;
}

export interface LogRotatorOptions {
  readonly cri: Pick<CriClient, "reopenContainerLog">;
  readonly limits: LogLimits;
  /** The rotation is over. */
  onRotated(containerId: string): void;
  onError(containerId: string, error: unknown): void;
}

export interface LogLimits {
  readonly maxBytes: number;
  /** With the one that is written. */
  readonly maxFiles: number;
}

/** The kubelet's containerLogMaxSize and containerLogMaxFiles. */
export const DEFAULT_LOG_LIMITS: LogLimits = { maxBytes: 10 * 1024 * 1024, maxFiles: 5 };
const LOOK_MS = 1_000;

interface Followed extends RotatedContainer {
  readonly watcher: FSWatcher | undefined;
  timer: NodeJS.Timeout | undefined;
  looking: Promise<void>;
}

export function createLogRotator({ cri, limits, onRotated, onError }: LogRotatorOptions): LogRotator {
  const pods = new Map<string, Map<string, Followed>>();
  const rotating = new Set<string>();
  const stop = new AbortController();

  function start(container: RotatedContainer): Followed {
    const followed: Followed = { ...container, watcher: openWatcher(), timer: undefined, looking: Promise.resolve() };
    const look = (): void => {
      followed.timer = undefined;
      followed.looking = lookAt(container).catch((error: unknown) => onError(container.id, error));
    };
    followed.watcher?.on("change", () => {
      followed.timer ??= setTimeout(look, LOOK_MS).unref();
    });
    // What was written, or was left undone, before we came.
    look();
    return followed;

    function openWatcher(): FSWatcher | undefined {
      try {
        const watcher = watch(dirname(container.logPath), { persistent: false });
        watcher.on("error", () => undefined); // the folder was removed with its pod
        return watcher;
      } catch (error) {
        onError(container.id, error);
        return undefined;
      }
    }
  }

  async function lookAt(container: RotatedContainer): Promise<void> {
    const { logPath, id } = container;
    const size = await stat(logPath).then(
      (found) => found.size,
      () => undefined,
    );
    if (stop.signal.aborted) return;
    if (size === undefined) {
      // Renamed by a kubelet that was killed then.
      if ((await rotatedLogs(logPath)).length > 0) await cri.reopenContainerLog({ containerId: id }, stop.signal);
    } else if (size >= limits.maxBytes) await rotate(container);
  }

  async function rotate({ id, logPath }: RotatedContainer): Promise<void> {
    const old = rotatedName(logPath, Date.now());
    rotating.add(id);
    try {
      await rename(logPath, old);
      try {
        await cri.reopenContainerLog({ containerId: id }, stop.signal);
      } catch (error) {
        // The container goes on writing there.
        await rename(old, logPath);
        throw error;
      }
    } finally {
      rotating.delete(id);
      onRotated(id);
    }
    const rotated = await rotatedLogs(logPath);
    const surplus = rotated.slice(0, Math.max(0, rotated.length - (limits.maxFiles - 1)));
    for (const path of surplus) await rm(path, { force: true });
  }

  function end({ watcher, timer }: Followed): void {
    watcher?.close();
    clearTimeout(timer);
  }

  return {
    isRotating: (id) => rotating.has(id),
    follow(uid, running) {
      const known = pods.get(uid) ?? new Map<string, Followed>();
      const ids = new Set(running.map(({ id }) => id));
      for (const [id, followed] of known) {
        if (ids.has(id)) continue;
        end(followed);
        known.delete(id);
      }
      for (const container of running) {
        if (container.logPath !== "" && !known.has(container.id)) known.set(container.id, start(container));
      }
      if (known.size > 0) pods.set(uid, known);
      else pods.delete(uid);
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the kubelet stops"));
      const all = [...pods.values()].flatMap((known) => [...known.values()]);
      pods.clear();
      for (const each of all) end(each);
      await Promise.all(all.map(({ looking }) => looking));
    },
  };
}
