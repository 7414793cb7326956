/**
 * Brings a container's image to the node as its pull policy says. After a failure the same pod waits 10 s, 20 s, … 5 min.
 * Source: Kubernetes documentation, "Images"; texts of events as the kubelet writes them.
 */
import type { Container } from "#api/kinds/pod/container.ts";
import { defaultPullPolicy } from "#api/kinds/pod/image.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { RecordedEvent } from "#api-client/event-recorder.ts";
import type { CriClient } from "#cri/cri-client.ts";
import { CriError } from "#cri/cri-error.ts";
import type { Limit } from "../limit.ts";
import { goDuration } from "./go-duration.ts";
import { parseImageName } from "./parse-image-name.ts";
import { pullWithCredentials } from "./pull-with-credentials.ts";
import type { RegistryCredential } from "./registry-credentials.ts";

const FIRST_BACK_OFF_MS = 10_000;
const LONGEST_BACK_OFF_MS = 300_000;
/** ErrImagePull is shown for a moment before ImagePullBackOff. */
const SHOW_MS = 1_000;

/** ErrImagePull, ImagePullBackOff, ErrImageNeverPull, InvalidImageName. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly reason: string;
  readonly retryAtMs: number;

  constructor(reason: string, message: string, retryAtMs: number, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.retryAtMs = retryAtMs;
  }
}

export interface ImageRequest {
  readonly pod: Pod;
  readonly container: Container;
  tell(event: RecordedEvent): void;
}

export interface ImagePuller {
  /** Starts what `ensure` will be asked for soon, and tells its events; how it ends is heard from `ensure` alone. */
  begin(request: ImageRequest, signal: AbortSignal): void;
  /** Gives what the runtime calls the image. Rejects with ImageError. */
  ensure(request: ImageRequest, signal: AbortSignal): Promise<string>;
  forget(uid: string): void;
}

export interface ImagePullerDeps {
  readonly cri: Pick<CriClient, "imageStatus" | "pullImage">;
  /** How many are pulled at a time. */
  readonly limit: Limit;
  /** Of the pod's imagePullSecrets. Tells what it could not get. */
  credentials(pod: Pod, tell: ImageRequest["tell"], signal: AbortSignal): Promise<readonly RegistryCredential[]>;
  now(): number;
  /** An image has come: the disk may be full of others. */
  onPulled?(): void;
}

interface Failure {
  readonly untilMs: number;
  readonly pauseMs: number;
  readonly message: string;
}

export function createImagePuller({ cri, limit, credentials, now, onPulled }: ImagePullerDeps): ImagePuller {
  const failures = new Map<string, Map<string, Failure>>();
  /** What was begun and not yet asked for, by pod and image. */
  const begun = new Map<string, Map<string, Promise<string>>>();

  async function pull({ pod, container, tell }: ImageRequest, signal: AbortSignal): Promise<string> {
    const name = container.image;
    const uid = pod.metadata.uid ?? "";
    const ofPod = failures.get(uid) ?? new Map<string, Failure>();
    failures.set(uid, ofPod);
    const last = ofPod.get(name);
    if (last !== undefined && now() < last.untilMs) {
      const message = `Back-off pulling image "${name}"`;
      tell({ type: "Normal", reason: "BackOff", message });
      tell({ type: "Warning", reason: "Failed", message: "Error: ImagePullBackOff" });
      throw new ImageError("ImagePullBackOff", `${message}: ErrImagePull: ${last.message}`, last.untilMs);
    }
    tell({ type: "Normal", reason: "Pulling", message: `Pulling image "${name}"` });
    const askedMs = now();
    let startedMs = askedMs;
    try {
      const known = await credentials(pod, tell, signal);
      const imageRef = await limit(() => {
        startedMs = now();
        return pullWithCredentials(cri, name, known, signal);
      }, signal);
      const { image } = await cri.imageStatus({ image: { image: name } }, signal);
      ofPod.delete(name);
      const took = `${goDuration(now() - startedMs)} (${goDuration(now() - askedMs)} including waiting)`;
      const message = `Successfully pulled image "${name}" in ${took}. Image size: ${image?.size ?? 0n} bytes.`;
      tell({ type: "Normal", reason: "Pulled", message });
      onPulled?.();
      return image?.id ?? imageRef;
    } catch (cause) {
      signal.throwIfAborted();
      const why = errorText(cause);
      const pauseMs = last === undefined ? FIRST_BACK_OFF_MS : Math.min(LONGEST_BACK_OFF_MS, last.pauseMs * 2);
      ofPod.set(name, { untilMs: now() + pauseMs, pauseMs, message: why });
      tell({ type: "Warning", reason: "Failed", message: `Failed to pull image "${name}": ${why}` });
      tell({ type: "Warning", reason: "Failed", message: "Error: ErrImagePull" });
      // Soon again: the next attempt says that it holds back.
      throw new ImageError("ErrImagePull", why, now() + SHOW_MS, { cause });
    }
  }

  async function bring(request: ImageRequest, signal: AbortSignal): Promise<string> {
    const { container, tell } = request;
    const name = container.image;
    requireName(name, tell, now() + LONGEST_BACK_OFF_MS);
    const policy = container.imagePullPolicy ?? defaultPullPolicy(name);
    if (policy === "Always") return await pull(request, signal);
    const { image } = await cri.imageStatus({ image: { image: name } }, signal);
    if (image !== undefined) {
      const message = `Container image "${name}" already present on machine`;
      tell({ type: "Normal", reason: "Pulled", message });
      return image.id;
    }
    if (policy === "IfNotPresent") return await pull(request, signal);
    const message = `Container image "${name}" is not present with pull policy of Never`;
    tell({ type: "Warning", reason: "ErrImageNeverPull", message });
    tell({ type: "Warning", reason: "Failed", message: "Error: ErrImageNeverPull" });
    throw new ImageError("ErrImageNeverPull", message, now() + FIRST_BACK_OFF_MS);
  }

  function takeBegun({ pod, container }: ImageRequest): Promise<string> | undefined {
    const ofPod = begun.get(pod.metadata.uid ?? "");
    const one = ofPod?.get(container.image);
    ofPod?.delete(container.image);
    return one;
  }

  return {
    begin(request, signal) {
      const uid = request.pod.metadata.uid ?? "";
      const ofPod = begun.get(uid) ?? new Map<string, Promise<string>>();
      begun.set(uid, ofPod);
      const name = request.container.image;
      if (ofPod.has(name)) return;
      const bringing = bring(request, signal);
      ofPod.set(name, bringing);
      // Broken off, it is nothing that was found out about the image.
      bringing.catch((error: unknown) => {
        if (!(error instanceof ImageError) && ofPod.get(name) === bringing) ofPod.delete(name);
      });
    },
    async ensure(request, signal) {
      const early = await takeBegun(request)?.catch((error: unknown) => {
        if (error instanceof ImageError) throw error;
      });
      signal.throwIfAborted();
      return early ?? (await bring(request, signal));
    },
    forget(uid) {
      failures.delete(uid);
      begun.delete(uid);
    },
  };
}

function requireName(name: string, tell: ImageRequest["tell"], retryAtMs: number): void {
  const parsed = parseImageName(name);
  if (!("problem" in parsed)) return;
  const message = `Failed to apply default image tag "${name}": couldn't parse image name "${name}": ${parsed.problem}`;
  tell({ type: "Warning", reason: "InspectFailed", message });
  tell({ type: "Warning", reason: "Failed", message: "Error: InvalidImageName" });
  throw new ImageError("InvalidImageName", message, retryAtMs);
}

/** As a kubelet has it from gRPC. */
export function errorText(error: unknown): string {
  if (error instanceof CriError) return `rpc error: code = ${goCode(error.code)} desc = ${error.details}`;
  return error instanceof Error ? error.message : String(error);
}

/** DEADLINE_EXCEEDED is DeadlineExceeded there. */
function goCode(code: string): string {
  return code
    .split("_")
    .map((word) => word.slice(0, 1) + word.slice(1).toLowerCase())
    .join("");
}
