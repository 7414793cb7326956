/**
 * Results in the shape of every spec version. Inside Podwire there is only the newest shape (result.ts);
 * here it is read from what another version says, and printed as another version wants it.
 * There are three shapes: 0.1-0.2 (one address per family), 0.3-0.4 (lists), 1.0-1.1 (more interface fields).
 * Source: CNI SPEC 0.2.0, 0.4.0, 1.1.0 section "Result"; key order and layout as libcni prints them.
 */
import { familyOf, formatPrefix, parseAddress, parsePrefix } from "#base/ip-address.ts";
import type { JsonObject, JsonValue } from "#base/json.ts";
import { ipAddress, ipPrefix } from "./address-readers.ts";
import { CniError } from "./cni-error.ts";
import { fields, integer, list, optional, type Reader, text, unlessEmpty, type ValueOf } from "./config.ts";
import { formatJson, lookup, omitEmpty, sortKeys } from "./go-json.ts";
import type { CniDns, CniInterface, CniIp, CniResult, CniRoute } from "./result.ts";
import {
  DEFAULT_SPEC_VERSION,
  isSpecVersion,
  NEWEST_SPEC_VERSION,
  SPEC_VERSIONS,
  type SpecVersion,
} from "./spec-version.ts";

type Shape = "one address per family" | "lists" | "newest";

const SHAPES: Readonly<Record<SpecVersion, Shape>> = {
  "0.1.0": "one address per family",
  "0.2.0": "one address per family",
  "0.3.0": "lists",
  "0.3.1": "lists",
  "0.4.0": "lists",
  "1.0.0": "newest",
  "1.1.0": "newest",
};

const texts = optional(list(text), []);
const label = optional(text, "");
const address = unlessEmpty(ipAddress);
const count = optional(integer());

const wireDns = fields({ nameservers: texts, domain: label, search: texts, options: texts });
const wireRoute = fields({
  dst: ipPrefix,
  gw: address,
  mtu: count,
  advmss: count,
  priority: count,
  table: count,
  scope: count,
});
const wireInterface = fields({ name: label, mac: label, sandbox: label });
const wireNewestInterface = fields({
  name: label,
  mac: label,
  mtu: count,
  sandbox: label,
  socketPath: label,
  pciID: label,
});
const wireIp = fields({ interface: count, address: ipPrefix, gateway: address });
const wireFamily = fields({ ip: ipPrefix, gateway: address, routes: optional(list(wireRoute), []) });

const wireFamilies = fields({ ip4: optional(wireFamily), ip6: optional(wireFamily), dns: wireDns });
const wireLists = fields({
  interfaces: optional(list(wireInterface), []),
  ips: optional(list(wireIp), []),
  routes: optional(list(wireRoute), []),
  dns: wireDns,
});
const wireNewest = fields({
  interfaces: optional(list(wireNewestInterface), []),
  ips: optional(list(wireIp), []),
  routes: optional(list(wireRoute), []),
  dns: wireDns,
});

/**
 * Reads a result in the shape that `version` has. The result's own `cniVersion` must have the same shape;
 * a missing one is taken as `version`. `where` names the result in errors.
 */
export function parseResult(json: JsonObject, version: string, where = "result"): CniResult {
  if (!isSpecVersion(version)) {
    throw new CniError("incompatibleVersion", `unsupported CNI result version ${JSON.stringify(version)}`);
  }
  const shape = SHAPES[version];
  const ownVersion = label.read(lookup(json, "cniVersion"), `${where}.cniVersion`) || version;
  const sameShape = SPEC_VERSIONS.filter((one) => SHAPES[one] === shape);
  if (!sameShape.some((one) => one === ownVersion)) {
    const supported = [...(shape === "one address per family" ? [""] : []), ...sameShape].join(" ");
    const message = `result type supports [${supported}] but unmarshalled CNIVersion is ${JSON.stringify(ownVersion)}`;
    throw new CniError("decodingFailure", message);
  }
  return readers[shape].read(json, where);
}

/** A result that stays in its version: read, and printed as libcni passes it on, without what it does not know. */
export function normalizeResult(
  json: JsonObject,
  version: string,
): { readonly json: JsonObject; readonly result: CniResult } {
  const result = parseResult(json, version);
  const shape = isSpecVersion(version) ? SHAPES[version] : "newest";
  return { result, json: { cniVersion: version, ...printers[shape](result) } };
}

/** The result as JSON of that version, `cniVersion` included. */
export function printResult(result: CniResult, version: string): JsonObject {
  const target = version || DEFAULT_SPEC_VERSION;
  if (!isSpecVersion(target)) {
    const message = `no converter for CNI result version ${NEWEST_SPEC_VERSION} to ${target}`;
    throw new CniError("incompatibleVersion", message);
  }
  if (SHAPES[target] === "one address per family" && !result.ips?.length) {
    throw new CniError("internal", "cannot convert: no valid IP addresses");
  }
  return { cniVersion: target, ...printers[SHAPES[target]](result) };
}

/** The text that a plugin prints: indented by four, no newline at the end. */
export function formatResult(result: CniResult, version: string): string {
  return formatJson(printResult(result, version), 4);
}

const readers: Readonly<Record<Shape, Reader<CniResult>>> = {
  "one address per family": {
    read(json, path) {
      const { ip4, ip6, dns } = wireFamilies.read(json, path);
      const families = [ip4, ip6].filter((one) => one !== undefined);
      return toResult({
        interfaces: [],
        ips: families.map(({ ip, gateway }) => ({ interface: undefined, address: ip, gateway })),
        routes: families.flatMap(({ routes }) => routes),
        dns,
      });
    },
  },
  lists: {
    read(json, path) {
      const { interfaces, ...rest } = wireLists.read(json, path);
      const newest = interfaces.map((one) => ({ ...one, mtu: undefined, socketPath: "", pciID: "" }));
      return toResult({ ...rest, interfaces: newest });
    },
  },
  newest: { read: (json, path) => toResult(wireNewest.read(json, path)) },
};

function toResult({ interfaces, ips, routes, dns }: ValueOf<typeof wireNewest>): CniResult {
  const resultDns: CniDns = omitEmpty(dns);
  return omitEmpty({
    interfaces: interfaces.map(
      ({ name, ...rest }): CniInterface => ({ name, ...omitEmpty({ ...rest, mtu: rest.mtu || undefined }) }),
    ),
    ips: ips.map((ip): CniIp => omitEmpty({ ...ip, address: formatPrefix(ip.address) })),
    routes: routes.map(toRoute),
    dns: Object.keys(resultDns).length === 0 ? undefined : resultDns,
  });
}

/** Go leaves out a zero MTU, MSS and priority, but keeps table 0 and scope 0. */
function toRoute(route: ValueOf<typeof wireRoute>): CniRoute {
  return omitEmpty({
    ...route,
    dst: formatPrefix(route.dst),
    mtu: route.mtu || undefined,
    advmss: route.advmss || undefined,
    priority: route.priority || undefined,
  });
}

const printers: Readonly<Record<Shape, (result: CniResult) => JsonObject>> = {
  "one address per family": printFamilies,
  lists: (result) => ({
    ...omitEmpty({
      interfaces: result.interfaces?.map(({ name, mac, sandbox }) => ({ name, ...omitEmpty({ mac, sandbox }) })),
      ips: result.ips?.map((ip) => ({ version: `${familyOfPrefix(ip.address)}`, ...printIp(ip) })),
      routes: result.routes?.map(printRoute),
    }),
    dns: printDns(result.dns),
  }),
  newest: (result) => {
    const dns = printDns(result.dns);
    const interfaces = result.interfaces?.map(({ name, mac, mtu, sandbox, socketPath, pciID }) => ({
      name,
      ...omitEmpty({ mac, mtu: mtu || undefined, sandbox, socketPath, pciID }),
    }));
    return sorted(
      omitEmpty({
        interfaces,
        ips: result.ips?.map(printIp),
        routes: result.routes?.map(printRoute),
        dns: Object.keys(dns).length === 0 ? undefined : dns,
      }),
    );
  },
};

/** Keeps the first address of each family and its routes; interfaces have no place here. */
function printFamilies(result: CniResult): JsonObject {
  const [ip4, ip6] = ([4, 6] as const).map((family) => {
    const ip = result.ips?.find((one) => familyOfPrefix(one.address) === family);
    if (ip === undefined) return undefined;
    const { address, gateway } = printIp(ip);
    const routes = result.routes?.filter((route) => familyOfPrefix(route.dst) === family).map(printRoute);
    return omitEmpty({ ip: address, gateway, routes: routes?.map(({ dst, gw }) => omitEmpty({ dst, gw })) });
  });
  return { ...omitEmpty({ ip4, ip6 }), dns: printDns(result.dns) };
}

function printIp(ip: CniIp) {
  return omitEmpty({ interface: ip.interface, address: normalPrefix(ip.address), gateway: normalAddress(ip.gateway) });
}

function printRoute({ dst, gw, mtu, advmss, priority, table, scope }: CniRoute) {
  return omitEmpty({
    dst: normalPrefix(dst),
    gw: normalAddress(gw),
    mtu: mtu || undefined,
    advmss: advmss || undefined,
    priority: priority || undefined,
    table,
    scope,
  });
}

function printDns(dns: CniDns = {}): JsonObject {
  const { nameservers, domain, search, options } = dns;
  return omitEmpty({ nameservers, domain, search, options });
}

function familyOfPrefix(prefix: string): 4 | 6 {
  return familyOf(parsePrefix(prefix).address);
}

function normalPrefix(prefix: string): string {
  return formatPrefix(parsePrefix(prefix));
}

function normalAddress(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : parseAddress(text);
}

function sorted(object: JsonObject): JsonObject {
  const value: JsonValue = sortKeys(object);
  // sortKeys keeps the kind of value.
  return value as JsonObject;
}
