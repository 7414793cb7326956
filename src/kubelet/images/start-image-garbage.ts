/** Removes images when the disk gets full: looked at after each pull, and now and then, as other files fill it too. */
import { statfs } from "node:fs/promises";
import type { RecordedEvent } from "#api-client/event-recorder.ts";
import { sleep } from "#api-client/sleep.ts";
import type { CriClient } from "#cri/cri-client.ts";
import { isNotFound } from "#cri/cri-error.ts";
import { type ImageLimits, type KnownImage, planImageRemoval } from "./plan-image-removal.ts";

type Cri = Pick<CriClient, "listImages" | "listContainers" | "imageFsInfo" | "removeImage" | "status">;

export interface ImageGarbageOptions {
  readonly cri: Cri;
  readonly limits: ImageLimits;
  /** Events about the node. */
  tell(event: RecordedEvent): void;
  onError(what: string, error: unknown): void;
}

export interface ImageGarbage extends AsyncDisposable {
  /** The disk has become fuller. */
  wake(): void;
}

const PERIOD_MS = 300_000;

export function startImageGarbage({ cri, limits, tell, onError }: ImageGarbageOptions): ImageGarbage {
  const stop = new AbortController();
  const { signal } = stop;
  let awake = new AbortController();
  const seen = new Map<string, { readonly firstSeenMs: number; lastUsedMs: number }>();

  async function look(): Promise<void> {
    const nowMs = Date.now();
    const [images, disk] = await Promise.all([knownImages(cri, seen, nowMs, signal), diskUse(cri, signal)]);
    const plan = planImageRemoval(images, disk, limits, nowMs);
    for (const { id } of plan.remove) {
      try {
        await cri.removeImage({ image: { image: id } }, signal);
      } catch (error) {
        if (!isNotFound(error)) throw error; // Gone already is what we want.
      }
    }
    if (plan.freedBytes < plan.wantedBytes) {
      const message = `Failed to garbage collect required amount of images. Attempted to free ${plan.wantedBytes} bytes, but only found ${plan.freedBytes} bytes eligible to free.`;
      tell({ type: "Warning", reason: "FreeDiskSpaceFailed", message });
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      awake = new AbortController();
      await look().catch((error: unknown) => {
        if (!signal.aborted) onError("images not looked at", error);
      });
      await sleep(PERIOD_MS, AbortSignal.any([signal, awake.signal]));
    }
  }

  const done = run();
  return {
    wake: () => awake.abort(),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the kubelet stops"));
      await done;
    },
  };
}

async function knownImages(
  cri: Cri,
  seen: Map<string, { readonly firstSeenMs: number; lastUsedMs: number }>,
  nowMs: number,
  signal: AbortSignal,
): Promise<readonly KnownImage[]> {
  const [{ images }, { containers }, sandboxImage] = await Promise.all([
    cri.listImages({}, signal),
    cri.listContainers({}, signal),
    readSandboxImage(cri, signal),
  ]);
  const used = new Set(containers.flatMap(({ imageRef, image }) => [imageRef, image?.image ?? ""]));
  const ids = new Set(images.map(({ id }) => id));
  for (const id of seen.keys()) if (!ids.has(id)) seen.delete(id);
  return images.map(({ id, size, pinned, repoTags, repoDigests }) => {
    const isUsed = pinned || [id, ...repoTags, ...repoDigests].some((name) => used.has(name) || name === sandboxImage);
    const known = seen.get(id) ?? { firstSeenMs: nowMs, lastUsedMs: 0 };
    if (isUsed) known.lastUsedMs = nowMs;
    seen.set(id, known);
    return { id, sizeBytes: Number(size), isUsed, ...known };
  });
}

/** No container shows it, and no pod starts without it. */
async function readSandboxImage(cri: Cri, signal: AbortSignal): Promise<string> {
  const { info } = await cri.status({ verbose: true }, signal);
  const found = /"sandboxImage":\s*"([^"]+)"/.exec(info["config"] ?? "")?.[1];
  return found ?? "";
}

async function diskUse(cri: Cri, signal: AbortSignal) {
  const { imageFilesystems } = await cri.imageFsInfo({}, signal);
  const path = imageFilesystems[0]?.fsId?.mountpoint ?? "/";
  const { blocks, bavail, bsize } = await statfs(path);
  return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize };
}
