/** `kubectl logs`: which run of a container is meant, and its log as an answer. Texts as kubelets and API servers have them. */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { CriClient } from "#cri/cri-client.ts";
import { isNotFound } from "#cri/cri-error.ts";
import { type FoundContainer, findContainers } from "../server/container-lookup.ts";
import { Refusal } from "../server/refusal.ts";
import { followLog, type LogEvents } from "./follow-log.ts";
import { type LogQuery, parseLogQuery } from "./log-query.ts";

export interface LogServer {
  readonly cri: Pick<CriClient, "listContainers" | "containerStatus">;
  readonly containerEnds: LogEvents;
  isRotating(containerId: string): boolean;
  waitingReason(namespace: string, pod: string, container: string): string | undefined;
}

export interface LogRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly query: URLSearchParams;
}

/** Rejects with Refusal, or RangeError for a wrong query, before the answer has begun. */
export async function serveLog(
  { cri, containerEnds, isRotating, waitingReason }: LogServer,
  { namespace, pod, container, query: text }: LogRequest,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const query = parseLogQuery(text, Date.now());
  const found = (await findContainers(cri, { namespace, pod, container }, signal)).filter(
    ({ logPath }) => logPath !== "",
  );
  if (found.length === 0 && !query.isPrevious) {
    const reason = waitingReason(namespace, pod, container);
    if (reason === undefined) throw new Refusal(404, `pod "${pod}" not found`);
    const why = PULL_FAILURES.has(reason) ? "trying and failing to pull image" : reason;
    throw new Refusal(400, `container "${container}" in pod "${pod}" is waiting to start: ${why}`);
  }
  const reason = waitingReason(namespace, pod, container) ?? CREATING;
  const instance = chooseRun(found, query, reason !== CREATING);
  if (instance === undefined) {
    throw new Refusal(400, `previous terminated container "${container}" in pod "${pod}" not found`);
  }
  const source = {
    path: instance.logPath,
    containerId: instance.id,
    events: containerEnds,
    isRotating: () => isRotating(instance.id),
    isRunning: (current: AbortSignal) => isRunning(cri, instance.id, current),
  };
  response.writeHead(200, { "content-type": "text/plain" });
  response.flushHeaders();
  await pipeline(Readable.from(followLog(source, query, signal), { objectMode: false }), response);
}

/** What a container waits for that has no other reason. */
const CREATING = "ContainerCreating";
const PULL_FAILURES = new Set(["ErrImagePull", "ImagePullBackOff"]);

/** The one before the newest; while the newest has ended and waits for its restart, that one is the previous one. */
export function chooseRun(
  [newest, ...older]: readonly FoundContainer[],
  { isPrevious }: Pick<LogQuery, "isPrevious">,
  isWaiting: boolean,
): FoundContainer | undefined {
  if (!isPrevious || (isWaiting && newest?.isRunning === false)) return newest;
  return older.find(({ isRunning }) => !isRunning);
}

async function isRunning(
  cri: Pick<CriClient, "containerStatus">,
  containerId: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { status } = await cri.containerStatus({ containerId }, signal);
    return status?.state === "CONTAINER_RUNNING";
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
