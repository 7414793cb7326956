/**
 * JSON Web Tokens signed with ES256, and no other algorithm: a token's header chooses a key, never a method.
 * Source: RFC 7515 (compact serialisation), RFC 7518 section 3.4 (ES256), RFC 7638 (key identifiers).
 */
import { createHash, type KeyObject, sign, verify } from "node:crypto";
import { isJsonObject, type JsonObject } from "#base/json.ts";

/** A token is not longer than a header may be. */
const MAX_TOKEN_LENGTH = 16 * 1024;

/** ES256 signatures are the two numbers one after the other, not DER. */
const ENCODING = "ieee-p1363";

/** Names a public key by its thumbprint. */
export function keyIdOf(publicKey: KeyObject): string {
  const { crv, kty, x, y } = publicKey.export({ format: "jwk" });
  return createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
}

export function signToken(claims: JsonObject, key: { readonly privateKey: KeyObject; readonly keyId: string }): string {
  const text = `${encode({ alg: "ES256", kid: key.keyId })}.${encode(claims)}`;
  const signature = sign("sha256", Buffer.from(text), { key: key.privateKey, dsaEncoding: ENCODING });
  return `${text}.${signature.toString("base64url")}`;
}

/** The claims of a token that one of the keys has signed; undefined for any other text. Times are not looked at. */
export function verifyToken(token: string, publicKeys: ReadonlyMap<string, KeyObject>): JsonObject | undefined {
  const parts = token.length > MAX_TOKEN_LENGTH ? [] : token.split(".");
  const [header = "", payload = "", signature = ""] = parts;
  const head = parts.length === 3 ? decode(header) : undefined;
  if (head?.["alg"] !== "ES256" || typeof head["kid"] !== "string") return undefined;
  const key = publicKeys.get(head["kid"]);
  if (key === undefined) return undefined;
  const bytes = Buffer.from(signature, "base64url");
  const isSigned = verify("sha256", Buffer.from(`${header}.${payload}`), { key, dsaEncoding: ENCODING }, bytes);
  return isSigned ? decode(payload) : undefined;
}

function encode(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(part: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return isJsonObject(value) ? value : undefined;
  } catch {
    // Not JSON, so not a token.
    return undefined;
  }
}
