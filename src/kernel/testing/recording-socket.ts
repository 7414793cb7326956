/** A netlink socket that sends nothing: it keeps the requests and acknowledges them, for tests of what is sent. */
import type { NetlinkMessage, NetlinkRequest } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";

export interface RecordingSocket extends NetlinkSocket {
  readonly requests: readonly NetlinkRequest[];
}

/** `answers` come with every request. */
export function recordingSocket(answers: readonly NetlinkMessage[] = []): RecordingSocket {
  const requests: NetlinkRequest[] = [];
  let sequence = 0;
  const record = (request: NetlinkRequest): readonly NetlinkMessage[] => {
    requests.push(request);
    return answers;
  };
  return {
    requests,
    netns: undefined,
    fd: -1,
    portId: 0,
    request: record,
    find: (request) => record(request)[0],
    requestOnThread: async (request) => record(request),
    dump: record,
    send: () => undefined,
    receive: () => undefined,
    nextSequence: () => ++sequence,
    [Symbol.dispose]: () => undefined,
  };
}
