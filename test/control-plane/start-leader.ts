/** Starts leader-process.ts, keeps what it says, and ends it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { LeaderCommand, LeaderMessage, LeaderOptions } from "./leader-process.ts";
import { type Intent, readIntents } from "./recorded-store.ts";

type MessageOf<T extends LeaderMessage["type"]> = Extract<LeaderMessage, { readonly type: T }>;

export interface Leader extends AsyncDisposable {
  readonly port: number;
  /** The next message of this type that nobody has taken yet; rejects when the process ends, or at a deadline. */
  next<T extends LeaderMessage["type"]>(type: T): Promise<MessageOf<T>>;
  tell(command: LeaderCommand): void;
  kill(signal: NodeJS.Signals): void;
  /** How it ended, and its last words; undefined while it runs. */
  ending(): string | undefined;
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>;
  /** All that it has meant to write, also before it was killed. */
  intents(): readonly Intent[];
}

const PATIENCE_MS = 60_000;

/** Resolves when its API answers. */
export async function startLeader(script: string, options: LeaderOptions): Promise<Leader> {
  const child = spawn(process.execPath, [script, JSON.stringify(options)], {
    stdio: ["ignore", "inherit", "pipe", "ipc"],
  });
  const messages: LeaderMessage[] = [];
  const changed = new EventTarget();
  const tellAll = (): void => void changed.dispatchEvent(new Event("change"));
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output = (output + text).slice(-10_000);
  });
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const ended = once(child, "exit");
  void ended.then(() => {
    process.off("exit", killAtExit);
    tellAll();
  });
  // Only this process's messages come here.
  child.on("message", (message: LeaderMessage) => {
    messages.push(message);
    tellAll();
  });

  const ending = (): string | undefined => {
    const how = child.signalCode ?? child.exitCode;
    return how === null ? undefined : `${options.name} ended with ${how}: ${output}`;
  };

  function take<T extends LeaderMessage["type"]>(type: T): MessageOf<T> | undefined {
    const index = messages.findIndex((message) => message.type === type);
    if (index === -1) return undefined;
    const [message] = messages.splice(index, 1);
    // The type says which member of the union it is.
    return message as MessageOf<T>;
  }

  const next: Leader["next"] = async (type) => {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const message = take(type);
      if (message !== undefined) return message;
      if (ending() !== undefined) throw new Error(ending());
      if (deadline.aborted) throw new Error(`${options.name} did not say "${type}": ${output}`);
      await Promise.race([once(changed, "change"), once(deadline, "abort")]);
    }
  };
  const { port } = await next("ready");
  return {
    port,
    next,
    tell: (command) => void child.send(command),
    kill: (signal) => void child.kill(signal),
    ending,
    ended,
    intents: () => readIntents(join(options.folder, `${options.name}.writes`)),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
