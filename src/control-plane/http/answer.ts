/** A whole answer, and how it is sent: pretty or as YAML when asked for, compressed when it is big. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { constants, createGzip, gzip as gzipAll } from "node:zlib";
import { type ApiError, statusOf } from "#api/api-error.ts";
import { type ApiRequest, type ApiResponse, headerOf, isHttp2 } from "./api-message.ts";
import { pourText, WRITE_BYTES } from "./pour-text.ts";

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  /** Pieces of text are taken as the client reads. */
  readonly body: string | Buffer | Generator<string>;
  readonly headers?: Readonly<Record<string, string>>;
}

const JSON_TYPE = "application/json";

/** Smaller answers are sent faster as they are; the API server's limit as well. */
const MIN_COMPRESSED_BYTES = 128 * 1024;

const COMPRESSION = { level: constants.Z_BEST_SPEED };

const compress = promisify(gzipAll);

export function jsonAnswer(status: number, text: Answer["body"], contentType = JSON_TYPE): Answer {
  return { status, contentType, body: text };
}

export function textAnswer(status: number, body: string): Answer {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

export function errorAnswer(error: ApiError): Answer {
  const seconds = error.details?.retryAfterSeconds;
  const answer = jsonAnswer(error.code, JSON.stringify(statusOf(error)));
  return seconds === undefined ? answer : { ...answer, headers: { "retry-after": String(seconds) } };
}

export interface SendOptions {
  /** Texts for `Warning:` headers. */
  readonly warnings: readonly string[];
  readonly isPretty: boolean;
  readonly format: "json" | "yaml";
}

/** Resolves when the answer is with the connection; `signal` ends one that is sent in pieces. */
export async function sendAnswer(
  request: ApiRequest,
  response: ApiResponse,
  answer: Answer,
  options: SendOptions,
  signal?: AbortSignal,
): Promise<void> {
  const { body, contentType } = await formatted(answer, options);
  if (response.destroyed || response.writableEnded) return;
  const mayCompress = acceptsGzip(request);
  setHeaders(response, { ...answer, contentType }, options);
  if (typeof body === "string" || Buffer.isBuffer(body)) {
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    const isLarge = bytes.length >= MIN_COMPRESSED_BYTES;
    if (isLarge && mayCompress) setCompressed(response);
    const payload = isLarge && mayCompress ? await compress(bytes, COMPRESSION) : bytes;
    if (response.destroyed) return;
    response.setHeader("content-length", payload.length);
    if (payload.length <= WRITE_BYTES) response.end(payload);
    else await pour(Readable.from(slices(payload), { objectMode: false }), response, signal);
    return;
  }
  if (!mayCompress) {
    await pourText(body, response, signal);
    return;
  }
  setCompressed(response);
  const gzip = createGzip(COMPRESSION);
  await Promise.all([pourText(body, gzip, signal), pour(gzip, response, signal)]);
}

/** As fast as the client reads. */
async function pour(source: Readable, response: ApiResponse, signal: AbortSignal | undefined): Promise<void> {
  await pipeline([source, response], signal === undefined ? {} : { signal });
}

function setHeaders(response: ApiResponse, answer: Omit<Answer, "body">, { warnings }: SendOptions): void {
  response.statusCode = answer.status;
  response.setHeader("content-type", answer.contentType);
  response.setHeader("cache-control", "no-cache, private");
  if (warnings.length > 0) response.setHeader("warning", warnings.map(warningText));
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (answer.status === 413 && !isHttp2(response)) response.setHeader("connection", "close");
}

function setCompressed(response: ApiResponse): void {
  const vary = String(response.getHeader("vary") ?? "");
  response.setHeader("content-encoding", "gzip");
  if (!vary.includes("Accept-Encoding"))
    response.setHeader("vary", vary === "" ? "Accept-Encoding" : `${vary}, Accept-Encoding`);
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += WRITE_BYTES) yield bytes.subarray(start, start + WRITE_BYTES);
}

/** A generator's pieces as one string, when they are few; otherwise all of them as they come. */
function gathered(pieces: Generator<string>, all: boolean): string | Generator<string> {
  let start = "";
  while (all || start.length < MIN_COMPRESSED_BYTES) {
    const { value, done } = pieces.next();
    if (done === true) return start;
    start += value;
  }
  return followed(start, pieces);
}

function* followed(start: string, rest: Generator<string>): Generator<string> {
  yield start;
  yield* rest;
  yield "\n";
}

async function formatted(answer: Answer, options: SendOptions): Promise<Pick<Answer, "body" | "contentType">> {
  const { contentType } = answer;
  const mustParse = options.format === "yaml" || options.isPretty;
  const isText = typeof answer.body === "string" || Buffer.isBuffer(answer.body);
  const body = isText ? answer.body : gathered(answer.body, mustParse);
  if (typeof body !== "string" || !contentType.startsWith(JSON_TYPE)) return { body, contentType };
  if (options.format === "yaml") {
    return { body: await yamlText(body), contentType: "application/yaml" };
  }
  return { body: options.isPretty ? `${JSON.stringify(JSON.parse(body), null, 2)}\n` : `${body}\n`, contentType };
}

/** JSON is YAML: what nests too deep for the library, which recurses, stays as it is. */
async function yamlText(json: string): Promise<string> {
  const { stringify } = await import("yaml");
  try {
    return stringify(JSON.parse(json));
  } catch (error) {
    if (error instanceof RangeError) return `${json}\n`;
    throw error;
  }
}

function acceptsGzip(request: ApiRequest): boolean {
  return /\bgzip\b(?!;\s*q=0(\.0*)?\s*(,|$))/.test(headerOf(request, "accept-encoding") ?? "");
}

/** Code 299, no agent's name, the text in quotes. Source: RFC 7234 section 5.5. */
export function warningText(text: string): string {
  // Control characters and what is not Latin-1 cannot be in a header.
  const printable = text.replace(/[^\x20-\x7e]/g, "?");
  return `299 - "${printable.replace(/["\\]/g, "\\$&")}"`;
}
