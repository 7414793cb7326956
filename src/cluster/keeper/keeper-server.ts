/** The keeper's socket: a request in a line of JSON, answers in lines of JSON; the folder around it is root's alone. */
import { once } from "node:events";
import { chmod, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { isJsonObject } from "#base/json.ts";
import { ClusterError } from "../cluster-error.ts";
import { didYouMean } from "./config-reader.ts";
import { KEEPER_OPS, type KeeperMessage, type KeeperRequest } from "./keeper-protocol.ts";
import { socketLines } from "./socket-lines.ts";

/** Answers one request; `tell` says what comes before the end. */
export type KeeperHandler = (request: KeeperRequest, tell: (message: KeeperMessage) => void) => Promise<KeeperMessage>;

/** Resolves when it listens. Disposing waits for answers under way. */
export async function listenKeeper(path: string, handle: KeeperHandler): Promise<AsyncDisposable> {
  await rm(path, { force: true });
  const answers = new Set<Promise<void>>();
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy()); // the caller has gone; what it asked for goes on
    const answer = serve(socket, handle).finally(() => answers.delete(answer));
    answers.add(answer);
  });
  server.listen(path);
  await once(server, "listening");
  await chmod(path, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      await Promise.all(answers);
      await closed;
    },
  };
}

async function serve(socket: Socket, handle: KeeperHandler): Promise<void> {
  const tell = (message: KeeperMessage): void => {
    if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
  };
  try {
    for await (const line of socketLines(socket)) {
      const answer = await answerTo(line, handle, tell);
      if (socket.writable) socket.end(`${JSON.stringify(answer)}\n`);
      break;
    }
  } catch {
    // The connection broke before there was a request.
  }
  socket.destroySoon();
}

async function answerTo(
  line: string,
  handle: KeeperHandler,
  tell: (message: KeeperMessage) => void,
): Promise<KeeperMessage> {
  try {
    return await handle(parseRequest(line), tell);
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): KeeperMessage {
  if (error instanceof ClusterError) return { kind: "failed", error: error.kind, explanation: error.explanation };
  const what = error instanceof Error ? error.message : String(error);
  return { kind: "failed", error: "failed", explanation: { what } };
}

function parseRequest(line: string): KeeperRequest {
  const request: unknown = JSON.parse(line);
  const op = isJsonObject(request) ? request["op"] : undefined;
  if (!KEEPER_OPS.some((each) => each === op)) {
    throw new ClusterError("usage", {
      what: `The keeper knows no request ${line}`,
      why: didYouMean(String(op), KEEPER_OPS),
    });
  }
  // Written by ask-keeper.ts from this type.
  return request as KeeperRequest;
}
