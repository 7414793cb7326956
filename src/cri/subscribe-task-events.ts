/**
 * Starts and ends of containers as containerd tells them, within milliseconds: its own event service on the CRI socket.
 * CRI's GetContainerEvents is not there before containerd 1.7. Source: containerd, api/services/events/v1/events.proto,
 * api/events/task.proto.
 */
import { Client, credentials } from "@grpc/grpc-js";
import { bytes, decodeMessage, encodeMessage, field, message, repeated, string } from "#base/protobuf.ts";

export interface TaskEvent {
  /** "/tasks/start", "/tasks/exit", "/tasks/oom", … */
  readonly topic: string;
  /** Of a container, or of a sandbox. */
  readonly containerId: string;
  /** Of an end: it was a process that exec had started; the container goes on. */
  readonly isExec: boolean;
}

const subscribeRequest = message("SubscribeRequest", { filters: repeated(1, string) });
const envelope = message("Envelope", {
  namespace: field(2, string),
  topic: field(3, string),
  event: field(4, message("Any", { typeUrl: field(1, string), value: field(2, bytes) })),
});
/** What all events of tasks begin with; the fields behind it differ from event to event. */
const taskEvent = message("TaskEvent", { containerId: field(1, string) });
/** `id`: of the process; the container's own for its first one. */
const taskExit = message("TaskExit", { containerId: field(1, string), id: field(2, string) });
const EXIT = "/tasks/exit";

const PATH = "/containerd.services.events.v1.Events/Subscribe";
const TASKS_OF_CRI = 'namespace==k8s.io,topic~="^/tasks/"';

/** Resolves when the stream has ended, by the signal or by containerd; rejects when it failed. */
export function subscribeTaskEvents(
  socketPath: string,
  onEvent: (event: TaskEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const client = new Client(`unix://${socketPath}`, credentials.createInsecure(), {
    "grpc.default_authority": "localhost",
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const call = client.makeServerStreamRequest(
    PATH,
    (request: { readonly filters: readonly string[] }) => encodeMessage(subscribeRequest, request),
    (reply) => decodeMessage(envelope, reply),
    { filters: [TASKS_OF_CRI] },
  );
  call.on("data", ({ topic, event }: ReturnType<typeof readEnvelope>) => {
    if (event === undefined) return;
    try {
      onEvent(parseEvent(topic, event.value));
    } catch (error) {
      // The caller subscribes again, and looks at everything.
      call.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  });
  call.on("error", (error) => (signal.aborted ? resolve() : reject(error)));
  call.on("end", resolve);
  const cancel = (): void => call.cancel();
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  return promise.finally(() => {
    signal.removeEventListener("abort", cancel);
    client.close();
  });
}

function parseEvent(topic: string, value: Uint8Array): TaskEvent {
  if (topic !== EXIT) return { topic, containerId: decodeMessage(taskEvent, value).containerId, isExec: false };
  const { containerId, id } = decodeMessage(taskExit, value);
  return { topic, containerId, isExec: id !== "" && id !== containerId };
}

function readEnvelope(reply: Buffer) {
  return decodeMessage(envelope, reply);
}
