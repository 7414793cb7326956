/**
 * Which images go when the disk gets full: none that is used, the longest unused first, until enough is free.
 * Source: Kubernetes documentation, "Garbage Collection", "Container image garbage collection".
 */
export interface KnownImage {
  readonly id: string;
  readonly sizeBytes: number;
  /** A container has it, or the runtime itself. */
  readonly isUsed: boolean;
  /** Milliseconds since 1970. */
  readonly firstSeenMs: number;
  /** 0: never. */
  readonly lastUsedMs: number;
}

export interface ImageLimits {
  /** More than that of the disk in use begins a removal. */
  readonly highPercent: number;
  /** Until no more than that is in use. */
  readonly lowPercent: number;
  /** Images that came later stay. */
  readonly minAgeMs: number;
}

export interface DiskUse {
  readonly capacityBytes: number;
  readonly availableBytes: number;
}

export interface ImageRemoval {
  /** In order. */
  readonly remove: readonly KnownImage[];
  readonly wantedBytes: number;
  /** What the removal is expected to give; images share layers. */
  readonly freedBytes: number;
  readonly usedPercent: number;
}

export function planImageRemoval(
  images: readonly KnownImage[],
  { capacityBytes, availableBytes }: DiskUse,
  { highPercent, lowPercent, minAgeMs }: ImageLimits,
  nowMs: number,
): ImageRemoval {
  const usedPercent = capacityBytes === 0 ? 0 : Math.floor(100 - (100 * availableBytes) / capacityBytes);
  if (usedPercent < highPercent) return { remove: [], wantedBytes: 0, freedBytes: 0, usedPercent };
  const wantedBytes = Math.max(0, Math.floor((capacityBytes * (100 - lowPercent)) / 100) - availableBytes);
  const candidates = images
    .filter(({ isUsed, firstSeenMs }) => !isUsed && nowMs - firstSeenMs >= minAgeMs)
    .toSorted((one, other) => one.lastUsedMs - other.lastUsedMs || one.firstSeenMs - other.firstSeenMs);
  const remove: KnownImage[] = [];
  let freedBytes = 0;
  for (const image of candidates) {
    if (freedBytes >= wantedBytes) break;
    remove.push(image);
    freedBytes += image.sizeBytes;
  }
  return { remove, wantedBytes, freedBytes, usedPercent };
}
