/**
 * Whom an expectation names: `shop/web`, `shop/*`, `web` in the default namespace, `203.0.113.10`, `[2001:db8::1]`; a
 * target may go on with a port: `shop/db:5432`, `shop/dns:53/UDP`, `shop/api:http`. Pure.
 */
import { AddressError, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { POLICY_PROTOCOLS, type PolicyProtocol } from "#policy/rule-model.ts";
import { nearest } from "../policy-test-error.ts";

export type EndpointPattern =
  /** `*` in a pattern stands for any text. */
  | { readonly kind: "pods"; readonly namespace: string; readonly name: string }
  | { readonly kind: "address"; readonly address: IpAddress };

export interface PortWish {
  /** A number, or the name that the target pod gives to one. */
  readonly port: number | string;
  /** Absent: TCP, or the named port's own. */
  readonly protocol?: PolicyProtocol | undefined;
}

export interface Target {
  readonly endpoint: EndpointPattern;
  readonly port?: PortWish | undefined;
}

/** A sentence that says what is wrong with the text. */
export class TargetError extends Error {
  override readonly name = "TargetError";
}

const NAME = /^[a-z0-9*]([-a-z0-9.*]*[a-z0-9*])?$/;
const PORT_NAME = /^(?=.*[a-z])[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

export function parseTarget(text: string, defaultNamespace: string): Target {
  const bracketed = /^\[([^\]]*)\](?::(.+))?$/.exec(text);
  if (bracketed !== null)
    return withPort({ kind: "address", address: requireAddress(bracketed[1] ?? "") }, bracketed[2]);
  const whole = findAddress(text);
  if (whole !== undefined) return { endpoint: { kind: "address", address: whole } };
  const colon = text.indexOf(":");
  const host = colon < 0 ? text : text.slice(0, colon);
  return withPort(parseHost(host, defaultNamespace), colon < 0 ? undefined : text.slice(colon + 1));
}

/** `5432`, `http`, `53/UDP` */
export function parsePort(text: string): PortWish {
  const [port = "", protocolText, ...rest] = text.split("/");
  if (rest.length > 0) throw new TargetError(`"${text}" is no port: write 5432, http or 53/UDP`);
  const protocol = protocolText === undefined ? undefined : parseProtocol(protocolText);
  return { port: parsePortNumberOrName(port), protocol };
}

export function parseProtocol(text: string): PolicyProtocol {
  const found = POLICY_PROTOCOLS.find((protocol) => protocol === text.toUpperCase());
  if (found !== undefined) return found;
  const near = nearest(text, POLICY_PROTOCOLS);
  throw new TargetError(
    `"${text}" is no protocol of ports: ${POLICY_PROTOCOLS.join(", ")}${near === undefined ? "" : `; did you mean "${near}"?`}`,
  );
}

export function matchesPattern(pattern: string, text: string): boolean {
  if (!pattern.includes("*")) return pattern === text;
  const expression = pattern
    .split("*")
    .map((part) => part.replaceAll(".", "\\."))
    .join(".*");
  return new RegExp(`^${expression}$`).test(text);
}

function parsePortNumberOrName(text: string): number | string {
  if (/^\d+$/.test(text)) {
    const port = Number(text);
    if (port >= 1 && port <= 65_535) return port;
    throw new TargetError(`${text} is no port: ports are 1 to 65535`);
  }
  if (PORT_NAME.test(text) && text.length <= 15) return text;
  throw new TargetError(`"${text}" is neither a port's number nor a port's name`);
}

function withPort(endpoint: EndpointPattern, port: string | undefined): Target {
  return port === undefined ? { endpoint } : { endpoint, port: parsePort(port) };
}

function parseHost(text: string, defaultNamespace: string): EndpointPattern {
  const address = findAddress(text);
  if (address !== undefined) return { kind: "address", address };
  const parts = text.split("/");
  const [namespace, name] = parts.length === 1 ? [defaultNamespace, parts[0]] : parts;
  if (parts.length > 2 || namespace === undefined || name === undefined || !NAME.test(namespace) || !NAME.test(name)) {
    throw new TargetError(`"${text}" is no pod (NAMESPACE/NAME) and no address`);
  }
  return { kind: "pods", namespace, name };
}

function requireAddress(text: string): IpAddress {
  const address = findAddress(text);
  if (address === undefined) throw new TargetError(`"${text}" is no address`);
  return address;
}

function findAddress(text: string): IpAddress | undefined {
  try {
    return parseAddress(text);
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}
