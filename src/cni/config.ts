/**
 * Reads configuration: a plugin declares its keys once, and gets typed values or an error that names the key.
 *
 *     const bridgeConfig = fields({ bridge: optional(text, "cni0"), vlanTrunk: optional(list(vlanRange), []) });
 *     const { bridge, vlanTrunk } = readFields(bridgeConfig, request.config.json);
 *
 * Keys match as in Go (go-json.ts), unknown keys are ignored, null is the same as missing.
 * A value of the wrong type is error 6, one that is out of range, malformed or missing is error 7.
 */

import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { CniError } from "./cni-error.ts";
import { errorMessage } from "./error-message.ts";
import { createKeyIndex } from "./go-json.ts";

export interface Reader<T> {
  /** `value` is undefined when the key is missing or null; `path` is the key as errors name it: `ipam.ranges[0]`. */
  read(value: JsonValue | undefined, path: string): T;
}

export type ValueOf<R> = R extends Reader<infer T> ? T : never;

type Readers = Readonly<Record<string, Reader<unknown>>>;
type Fields<R extends Readers> = { readonly [K in keyof R]: ValueOf<R[K]> };

export function readFields<T>(reader: Reader<T>, json: JsonObject): T {
  return reader.read(json, "");
}

/** An object. Missing, it is read as `{}`: its own fields decide whether that is an error. */
export function fields<const R extends Readers>(readers: R): Reader<Fields<R>> {
  const entries = Object.entries(readers);
  const keyOf = createKeyIndex(Object.keys(readers));
  return {
    read(value, path) {
      const object = value === undefined ? {} : jsonObject.read(value, path);
      const given: Record<string, JsonValue> = {};
      for (const name in object) {
        const key = keyOf(name);
        const member = object[name];
        if (key !== undefined && member !== null && member !== undefined) given[key] = member;
      }
      const read: Record<string, unknown> = {};
      for (const [key, reader] of entries) read[key] = reader.read(given[key], path === "" ? key : `${path}.${key}`);
      // Each key was read by the reader that declares its type.
      return read as Fields<R>;
    },
  };
}

export function optional<T>(reader: Reader<T>): Reader<T | undefined>;
export function optional<T>(reader: Reader<T>, fallback: T): Reader<T>;
export function optional<T>(reader: Reader<T>, fallback?: T): Reader<T | undefined> {
  return { read: (value, path) => (value === undefined ? fallback : reader.read(value, path)) };
}

export const text: Reader<string> = scalar("a string", (value) => (typeof value === "string" ? value : undefined));

export const flag: Reader<boolean> = scalar("true or false", (value) =>
  typeof value === "boolean" ? value : undefined,
);

export const jsonObject: Reader<JsonObject> = scalar("an object", (value) => (isJsonObject(value) ? value : undefined));

/** Any value as it is, undefined when missing. */
export const anything: Reader<JsonValue | undefined> = { read: (value) => value };

/** A whole number; without bounds, any that a double holds exactly. */
export function integer({ min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = {}): Reader<number> {
  const number = scalar("a whole number", (value) =>
    typeof value === "number" && Number.isInteger(value) ? value : undefined,
  );
  return {
    read(value, path) {
      const read = number.read(value, path);
      if (read < min || read > max) throw invalidValue(path, read, `it is not in ${min}..${max}`);
      return read;
    },
  };
}

/** One of the given strings. */
export function choice<const C extends readonly string[]>(choices: C): Reader<C[number]> {
  return {
    read(value, path) {
      const read = text.read(value, path);
      if (choices.includes(read)) return read;
      throw invalidValue(path, read, `it is none of ${choices.map((one) => JSON.stringify(one)).join(", ")}`);
    },
  };
}

/** A string that `parse` turns into a value, or refuses by throwing. */
export function parsed<T>(parse: (text: string) => T): Reader<T> {
  return {
    read(value, path) {
      const read = text.read(value, path);
      try {
        return parse(read);
      } catch (cause) {
        throw invalidValue(path, read, errorMessage(cause), { cause });
      }
    },
  };
}

/** Undefined for a missing or empty string: Go's reading of an address that may be absent. */
export function unlessEmpty<T>(reader: Reader<T>): Reader<T | undefined> {
  return { read: (value, path) => (value === undefined || value === "" ? undefined : reader.read(value, path)) };
}

export function list<T>(item: Reader<T>): Reader<readonly T[]> {
  const array = scalar("a list", (value) => (Array.isArray(value) ? value : undefined));
  return {
    read: (value, path) =>
      array.read(value, path).map((element, index) => item.read(element ?? undefined, `${path}[${index}]`)),
  };
}

/** An object whose keys are data, such as `sysctl` or `capabilities`. Keys keep their case. */
export function mapOf<T>(item: Reader<T>): Reader<ReadonlyMap<string, T>> {
  return {
    read: (value, path) =>
      new Map(
        Object.entries(jsonObject.read(value, path)).map(([key, element]) => [
          key,
          item.read(element ?? undefined, `${path}[${JSON.stringify(key)}]`),
        ]),
      ),
  };
}

/** Error 7: the value has the right type but cannot be meant. */
export function invalidValue(path: string, value: JsonValue, reason: string, options?: ErrorOptions): CniError {
  return new CniError("invalidConfig", refusal(path, value, reason), `${path}=${preview(value)}`, options);
}

/** Error 2: the key is known, the value is well formed, and it cannot be honoured here. */
export function unsupportedValue(path: string, value: JsonValue, reason: string, options?: ErrorOptions): CniError {
  return new CniError("unsupportedField", refusal(path, value, reason), `${path}=${preview(value)}`, options);
}

function scalar<T>(expected: string, accept: (value: JsonValue) => T | undefined): Reader<T> {
  return {
    read(value, path) {
      if (value === undefined) {
        throw new CniError("invalidConfig", `Cannot read ${JSON.stringify(path)}: it is missing`);
      }
      const accepted = accept(value);
      if (accepted !== undefined) return accepted;
      throw new CniError("decodingFailure", refusal(path, value, `it is not ${expected}`), `${path}=${preview(value)}`);
    },
  };
}

function refusal(path: string, value: JsonValue, reason: string): string {
  return `Cannot read ${JSON.stringify(path)} with value ${preview(value)}: ${reason}`;
}

function preview(value: JsonValue): string {
  const json = JSON.stringify(value);
  return json.length <= 80 ? json : `${json.slice(0, 79)}…`;
}
