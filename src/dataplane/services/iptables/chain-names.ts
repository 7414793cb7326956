/**
 * Names of chains as kube-proxy gives them, so that people and tools find what they look for: a prefix and 16 characters of
 * base32 of the SHA-256 of what the chain is about. Source: k8s.io/kubernetes pkg/proxy/iptables (portProtoHash,
 * servicePortEndpointChainName), 1.33.
 */
import { createHash } from "node:crypto";
import type { Backend, ServicePort } from "#service/service-port.ts";

/** RFC 4648 section 6. */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HASH_CHARACTERS = 16;

export interface ServiceChains {
  /** All endpoints. */
  readonly svc: string;
  /** Those of this node. */
  readonly svl: string;
  /** From outside. */
  readonly ext: string;
  /** Source ranges of a load balancer's address. */
  readonly fw: string;
}

export function serviceChains(port: ServicePort): ServiceChains {
  const hash = hashOf(`${servicePortName(port)}${port.protocol.toLowerCase()}`);
  return { svc: `KUBE-SVC-${hash}`, svl: `KUBE-SVL-${hash}`, ext: `KUBE-EXT-${hash}`, fw: `KUBE-FW-${hash}` };
}

export function endpointChain(port: ServicePort, backend: Backend): string {
  const name = `${servicePortName(port)}${port.protocol.toLowerCase()}${endpointText(backend)}`;
  return `KUBE-SEP-${hashOf(name)}`;
}

/** `default/web:http`, or `default/web` for a port without a name: an id without protocol and family. */
export function servicePortName({ id }: ServicePort): string {
  const [namespace = "", rest = ""] = id.split("/");
  return `${namespace}/${rest.replace(/:$/, "")}`;
}

/** `10.244.1.5:8080`, `[fd00::5]:8080` */
export function endpointText({ address, port }: Backend): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function hashOf(text: string): string {
  const digest = createHash("sha256").update(text).digest();
  let bits = 0;
  let value = 0;
  let encoded = "";
  for (const byte of digest) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      encoded += ALPHABET[(value >> bits) & 31];
    }
  }
  return encoded.slice(0, HASH_CHARACTERS);
}
