/**
 * Requests that are nearly right, at an API server in a process of its own: no request is the server's fault,
 * nothing is logged as an error, memory does not grow, and afterwards it serves as before.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openPki } from "#control-plane/pki/open-pki.ts";
import { type ApiCaller, createApiCaller } from "./api-caller.ts";
import { createRequestMaker, type FuzzRequest } from "./fuzz-requests.ts";
import { createHttp2Caller } from "./http2-caller.ts";
import { buildProcessBundle } from "./process-bundle.ts";
import { type PlaneProcess, startPlaneProcess } from "./start-process.ts";

/** More of them: PODWIRE_FUZZ_REQUESTS=50000. */
const REQUESTS = Number(process.env["PODWIRE_FUZZ_REQUESTS"] ?? 4000);
const LANES = 24;
/** Of the requests: until then code is compiled, connections are made and caches reach their bounds. */
const WARM_UP = 0.4;
const PARTS = 10;
/** What a process that is warm may still grow by until the end: 50,000 requests that leave 1 kB each are too much. */
const GROWTH_BYTES = { rss: 48 * 1024 * 1024, heap: 24 * 1024 * 1024 };
/** Per request, and for the start, on a machine that has other work too. */
const TIMEOUT_MS = 120_000 + REQUESTS * 20;

const folder = mkdtempSync(join(tmpdir(), "podwire-fuzz-"));
let plane: PlaneProcess;
let caller: ApiCaller;
let openHttp2: () => ReturnType<typeof createHttp2Caller>;

before(async () => {
  plane = await startPlaneProcess(await buildProcessBundle(folder), { directory: join(folder, "data"), port: 0 });
  const { admin, certificateAuthority } = await openPki({
    directory: join(folder, "data/pki"),
    serverNames: [],
    now: () => new Date(),
  });
  const target = { port: plane.port, authority: certificateAuthority, pair: admin };
  caller = createApiCaller({ ...target, connections: LANES });
  openHttp2 = () => createHttp2Caller(target);
});

after(async () => {
  caller[Symbol.dispose]();
  await plane[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

test(`${REQUESTS} mutated requests: no fault of the server's, no growth of memory`, {
  timeout: TIMEOUT_MS,
}, async () => {
  const seed = Number(process.env["PODWIRE_FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const make = createRequestMaker(seed);
  const faults: string[] = [];
  const statuses = new Map<number, number>();
  let http2 = openHttp2();

  async function send(request: FuzzRequest): Promise<{ readonly status: number; readonly text: string }> {
    if (request.protocol === "HTTP/1.1" || request.leaves !== undefined) {
      const { method, path, headers, body } = request;
      if (request.leaves === undefined) return await caller.call(method, path, { headers, ...(body && { body }) });
    }
    if (http2.session.closed || http2.session.destroyed) http2 = openHttp2();
    return await http2.send(request);
  }

  async function run(from: number, to: number): Promise<void> {
    let next = from;
    async function lane(): Promise<void> {
      while (next < to) {
        const number = next++;
        const request = make(number);
        // A connection that the server ended for a broken request is no answer, and no fault.
        const { status, text } = await send(request).catch((error: Error) => ({ status: 0, text: error.message }));
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        // Who gives no time gets no answer in time.
        const isDue = status === 504 && request.path.includes("timeout=1ns");
        if (status >= 500 && !isDue && faults.length < 5) {
          faults.push(`request ${number}: ${request.method} ${request.path} => ${status} ${text.slice(0, 300)}`);
        }
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  const memory: Awaited<ReturnType<PlaneProcess["memory"]>>[] = [];
  for (let part = 0; part < PARTS; part++) {
    await run(Math.round((REQUESTS * part) / PARTS), Math.round((REQUESTS * (part + 1)) / PARTS));
    memory.push(await plane.memory());
  }
  http2[Symbol.dispose]();

  const about = `seed ${seed}; ${JSON.stringify(Object.fromEntries([...statuses].toSorted(([a], [b]) => a - b)))}`;
  const sizes = memory.map(({ rss, heap }) => `${megabytes(rss)}/${megabytes(heap)}`).join(" ");
  console.log(`${about}; RSS/heap in MB after each tenth: ${sizes}`);
  assert.equal(plane.ending(), undefined, about);
  assert.deepEqual(faults, [], about);
  assert.deepEqual(plane.errors.slice(0, 3), [], about);
  const [warm, end] = [memory[PARTS * WARM_UP - 1], memory[PARTS - 1]];
  for (const what of ["rss", "heap"] as const) {
    const grown = (end?.[what] ?? Number.NaN) - (warm?.[what] ?? Number.NaN);
    assert.ok(grown <= GROWTH_BYTES[what], `${what} has grown by ${megabytes(grown)} MB: ${sizes}; ${about}`);
  }
  for (const status of [200, 201, 400, 404, 409, 422]) assert.ok(statuses.has(status), `no ${status}; ${about}`);
  const answer = await caller.call("GET", "/readyz", { headers: {} });
  assert.deepEqual([answer.status, answer.text], [200, "ok"]);
});

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}
