/**
 * Asks a name server for A records as fast as it answers, from one socket: `node dns-load.ts PORT SERVICES WINDOW
 * MILLISECONDS`. So many questions are under way at a time; one that is lost is asked again after a while. Prints JSON.
 */
import { createSocket } from "node:dgram";

export interface LoadResult {
  readonly answers: number;
  readonly lost: number;
  /** Other than an answer without error; an echo counts as one. */
  readonly wrong: number;
  readonly wallMs: number;
  /** Of a share of all questions. */
  readonly latenciesUs: readonly number[];
}

const [port = 0, services = 1, window = 1, durationMs = 1000] = process.argv.slice(2).map(Number);
const LOST_MS = 200;
const SAMPLED = 16;

const lookup = (host: string, _options: unknown, callback: (error: null, address: string, family: number) => void) =>
  callback(null, host, 4);
const socket = createSocket({ type: "udp4", lookup });
const questions = Array.from({ length: Math.min(services, 1000) }, (_, index) => {
  const number = Math.floor((index * services) / Math.min(services, 1000));
  const labels = [`svc-${number}`, "default", "svc", "cluster", "local"];
  const name = Buffer.concat([
    ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
    Buffer.alloc(5),
  ]);
  name.writeUInt16BE(1, name.length - 4);
  name.writeUInt16BE(1, name.length - 2);
  const header = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, name]);
});
const sentAt = new Float64Array(65_536);
const latencies: number[] = [];
let next = 0;
let answers = 0;
let lost = 0;
let wrong = 0;
const ignore = (): void => undefined;

function ask(): void {
  const id = next++ & 0xffff;
  const bytes = Buffer.from(questions[next % questions.length] ?? Buffer.alloc(12));
  bytes.writeUInt16BE(id, 0);
  sentAt[id] = performance.now();
  socket.send(bytes, port, "127.0.0.1", ignore);
}

socket.on("message", (bytes) => {
  const id = bytes.readUInt16BE(0);
  const at = sentAt[id] ?? 0;
  if (at === 0) return; // given up
  sentAt[id] = 0;
  answers++;
  if ((bytes.readUInt16BE(2) & 0xf) !== 0) wrong++;
  if (answers % SAMPLED === 0 || window === 1) latencies.push((performance.now() - at) * 1000);
  ask();
});

await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
socket.setRecvBufferSize(4 * 1024 * 1024);
const startedAt = performance.now();
for (let index = 0; index < window; index++) ask();
const sweep = setInterval(() => {
  const before = performance.now() - LOST_MS;
  for (const [id, at] of sentAt.entries()) {
    if (at === 0 || at > before) continue;
    sentAt[id] = 0;
    lost++;
    ask();
  }
}, LOST_MS);
setTimeout(() => {
  const wallMs = performance.now() - startedAt;
  clearInterval(sweep);
  socket.close();
  const result: LoadResult = { answers, lost, wrong, wallMs, latenciesUs: latencies };
  process.stdout.write(JSON.stringify(result));
}, durationMs);
