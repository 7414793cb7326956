/**
 * Bytes between the native launcher and the agent, as native/cni-launcher.c writes and reads them:
 * request "PWC1" | u32 name bytes | u32 environment bytes | name | environment (NUL behind each) | stdin … end of stream;
 * reply "PWR1" | u32 exit code | u32 stdout bytes | u32 stderr bytes | stdout | stderr. All u32 are little-endian.
 */
import { DecodeError } from "#base/codec/codec.ts";
import type { PluginOutput } from "#cni/plugin-main.ts";

const REQUEST_MAGIC = "PWC1";
const REPLY_MAGIC = "PWR1";
const REQUEST_HEADER_BYTES = 12;
const REPLY_HEADER_BYTES = 16;

export interface LauncherRequest {
  /** Name that the launcher was started by: the plugin's type. */
  readonly plugin: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: Buffer;
}

export function encodeRequest({ plugin, environment, stdin }: LauncherRequest): Buffer {
  const name = Buffer.from(plugin);
  const variables = Buffer.from(
    Object.entries(environment)
      .map(([key, value]) => `${key}=${value}\0`)
      .join(""),
  );
  const header = Buffer.alloc(REQUEST_HEADER_BYTES);
  header.write(REQUEST_MAGIC, "latin1");
  header.writeUInt32LE(name.length, 4);
  header.writeUInt32LE(variables.length, 8);
  return Buffer.concat([header, name, variables, stdin]);
}

/** Throws DecodeError. `stdin` is a view of `bytes`. */
export function decodeRequest(bytes: Buffer): LauncherRequest {
  if (bytes.length < REQUEST_HEADER_BYTES || bytes.toString("latin1", 0, 4) !== REQUEST_MAGIC) {
    throw new DecodeError("launcher request", 0, `it does not start with ${REQUEST_MAGIC}`);
  }
  const nameEnd = REQUEST_HEADER_BYTES + bytes.readUInt32LE(4);
  const environmentEnd = nameEnd + bytes.readUInt32LE(8);
  if (environmentEnd > bytes.length) {
    throw new DecodeError("launcher request", bytes.length, `it ends before byte ${environmentEnd}`);
  }
  const variables = bytes
    .toString("utf8", nameEnd, environmentEnd)
    .split("\0")
    .flatMap((entry): readonly (readonly [string, string])[] => {
      const equals = entry.indexOf("=");
      return equals > 0 ? [[entry.slice(0, equals), entry.slice(equals + 1)]] : [];
    });
  return {
    plugin: bytes.toString("utf8", REQUEST_HEADER_BYTES, nameEnd),
    environment: Object.fromEntries(variables),
    stdin: bytes.subarray(environmentEnd),
  };
}

export function encodeReply({ exitCode, stdout, stderr }: PluginOutput): Buffer {
  const out = Buffer.from(stdout);
  const err = Buffer.from(stderr);
  const header = Buffer.alloc(REPLY_HEADER_BYTES);
  header.write(REPLY_MAGIC, "latin1");
  header.writeUInt32LE(exitCode, 4);
  header.writeUInt32LE(out.length, 8);
  header.writeUInt32LE(err.length, 12);
  return Buffer.concat([header, out, err]);
}

/** Throws DecodeError when the reply is cut short. */
export function decodeReply(bytes: Buffer): PluginOutput {
  if (bytes.length < REPLY_HEADER_BYTES || bytes.toString("latin1", 0, 4) !== REPLY_MAGIC) {
    throw new DecodeError("agent reply", 0, `it does not start with ${REPLY_MAGIC}`);
  }
  const outEnd = REPLY_HEADER_BYTES + bytes.readUInt32LE(8);
  const end = outEnd + bytes.readUInt32LE(12);
  if (end !== bytes.length) throw new DecodeError("agent reply", bytes.length, `${end} bytes were announced`);
  return {
    exitCode: bytes.readUInt32LE(4),
    stdout: bytes.toString("utf8", REPLY_HEADER_BYTES, outEnd),
    stderr: bytes.toString("utf8", outEnd),
  };
}
