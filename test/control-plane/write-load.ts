/**
 * Writers that create, replace, patch and delete ConfigMaps over HTTP, and know what each answer has promised. A
 * request without an answer, or with 503, may have happened or not: the next read decides.
 */
import assert from "node:assert/strict";
import type { ApiCaller, Reply } from "./api-caller.ts";
import type { Random } from "./random.ts";

export const MAPS = "/api/v1/namespaces/default/configmaps";

interface Known {
  /** undefined: it is not there. */
  readonly value: string | undefined;
  readonly resourceVersion: string | undefined;
}

export interface Acknowledged {
  readonly name: string;
  readonly value: string;
  readonly revision: number;
}

export interface WriteLoad {
  /** Every write of a value that was answered. */
  readonly acknowledged: readonly Acknowledged[];
  /** Answers that are neither success nor a clear 503. */
  readonly wrong: readonly string[];
  /** Requests that came to nothing. */
  readonly failed: number;
  /** Writes with these callers until the signal aborts. */
  run(callers: readonly ApiCaller[], signal: AbortSignal): Promise<void>;
  /** Reads what is in doubt, and checks what is there against what was promised. */
  check(caller: ApiCaller): Promise<void>;
}

export interface WriteLoadOptions {
  readonly random: Random;
  readonly lanes: number;
  /** Told of each acknowledged write. */
  onWritten(): void;
  /** Told of each request that came to nothing. */
  onFailed?(): void;
}

export function createWriteLoad({ random, lanes, onWritten, onFailed }: WriteLoadOptions): WriteLoad {
  const acknowledged: Acknowledged[] = [];
  const wrong: string[] = [];
  const known = new Map<string, Known>();
  /** What a lost request would have made of the name. */
  const doubts = new Map<string, (string | undefined)[]>();
  let failed = 0;
  let counter = 0;

  function settle(name: string, reply: Reply): void {
    const value: string | undefined = reply.json?.data?.value;
    doubts.delete(name);
    known.set(name, { value, resourceVersion: reply.json?.metadata?.resourceVersion });
    if (value === undefined) return;
    acknowledged.push({ name, value, revision: Number(reply.json.metadata.resourceVersion) });
  }

  /** True when what is there is what was promised last, or what a lost request has made. */
  function isPossible(name: string, value: string | undefined): boolean {
    return known.get(name)?.value === value || (doubts.get(name) ?? []).includes(value);
  }

  async function read(caller: ApiCaller, name: string): Promise<void> {
    const reply = await caller.call("GET", `${MAPS}/${name}`);
    if (reply.status !== 200 && reply.status !== 404) refuse(reply);
    const value = reply.status === 404 ? undefined : String(reply.json.data.value);
    if (!isPossible(name, value)) {
      wrong.push(`${name} is ${value}, not ${known.get(name)?.value} or one of ${doubts.get(name)}`);
    }
    known.set(name, { value, resourceVersion: reply.json?.metadata?.resourceVersion });
  }

  async function write(caller: ApiCaller, name: string): Promise<void> {
    const { value: old, resourceVersion } = known.get(name) ?? { value: undefined, resourceVersion: undefined };
    const value = `${name}-${++counter}`;
    const body = { metadata: { name, resourceVersion }, data: { value, padding: "x".repeat(500) } };
    const choice = old === undefined ? 0 : 1 + random.below(3);
    const doubt = choice === 3 ? undefined : value;
    doubts.set(name, [...(doubts.get(name) ?? []), doubt]);
    const reply = await send(caller, choice, name, body);
    if (choice === 3 && reply.status === 200) settle(name, { ...reply, json: undefined });
    else if (reply.status === 200 || reply.status === 201) settle(name, reply);
    else await onRefused(caller, name, reply);
    if (reply.status < 300) onWritten();
  }

  async function onRefused(caller: ApiCaller, name: string, reply: Reply): Promise<void> {
    const isDoubtful = (doubts.get(name)?.length ?? 0) > 1;
    // A write without an answer has happened meanwhile.
    const isRace = isDoubtful && (reply.status === 409 || reply.status === 404);
    if (isRace) await read(caller, name);
    else refuse(reply);
  }

  /** Only that the store is away may keep a request from its answer. */
  function refuse({ status, text, json }: Reply): never {
    if (status !== 503 || json?.reason !== "ServiceUnavailable") wrong.push(`${status} ${text}`);
    throw new Error(`refused with ${status}`);
  }

  return {
    acknowledged,
    wrong,
    get failed() {
      return failed;
    },
    async run(callers, signal) {
      const lane = async (index: number): Promise<void> => {
        let needsRead = false;
        for (let turn = 0; !signal.aborted; turn++) {
          const name = `lane-${index}-${random.below(3)}`;
          const caller = callers[turn % callers.length];
          if (caller === undefined) return;
          try {
            if (needsRead) for (const each of [0, 1, 2]) await read(caller, `lane-${index}-${each}`);
            needsRead = false;
            await write(caller, name);
          } catch {
            failed += 1;
            needsRead = true;
            onFailed?.();
            // Whoever is refused at once leaves the other lanes and the test some time.
            await new Promise((resolve) => setImmediate(resolve));
          }
        }
      };
      await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index)));
    },
    async check(caller) {
      for (const name of new Set([...known.keys(), ...doubts.keys()])) await read(caller, name);
      doubts.clear();
      assert.deepEqual(wrong, []);
    },
  };
}

const MERGE = { "content-type": "application/merge-patch+json" };

function send(caller: ApiCaller, choice: number, name: string, body: { readonly data: object }): Promise<Reply> {
  const text = JSON.stringify(body);
  switch (choice) {
    case 0:
      return caller.call("POST", MAPS, { body: text });
    case 1:
      return caller.call("PUT", `${MAPS}/${name}`, { body: text });
    case 2:
      return caller.call("PATCH", `${MAPS}/${name}`, { body: JSON.stringify({ data: body.data }), headers: MERGE });
    default:
      return caller.call("DELETE", `${MAPS}/${name}`);
  }
}
