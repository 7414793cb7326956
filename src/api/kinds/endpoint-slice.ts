/** A part of the addresses behind a service. Source: Kubernetes API reference, discovery.k8s.io/v1 EndpointSlice. */
import { ageColumn, nameColumn } from "../columns.ts";
import { childPath, duplicate, type FieldError, indexPath, invalid, required, tooMany } from "../field-error.ts";
import { defineKind, type ObjectOf } from "../kind.ts";
import { objectReference } from "../meta/object-reference.ts";
import { checkDnsLabel, checkDnsSubdomain, checkLabelValue, checkQualifiedName } from "../names.ts";
import {
  boolean,
  type Check,
  field,
  int32,
  list,
  mapOf,
  object,
  oneOf,
  setOf,
  string,
  stringOf,
  type ValueOf,
} from "../schema/schema.ts";
import {
  checkEndpointAddress,
  checkFullyQualifiedDomainName,
  checkIpv4Address,
  checkIpv6Address,
} from "./network/address.ts";
import { formatFirst } from "./network/format-first.ts";
import { protocol } from "./network/port.ts";

const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 100;
const MAX_TOPOLOGY_LABELS = 16;
const MAX_HINTS = 8;

const addressType = oneOf("IPv4", "IPv6", "FQDN");
export type AddressType = ValueOf<typeof addressType>;

const endpointConditions = object("io.k8s.api.discovery.v1.EndpointConditions", "State of an endpoint.", {
  ready: field(1, boolean, "True or absent: it takes new connections and is not going away.", { pointer: true }),
  serving: field(2, boolean, "True or absent: it answers, even while it is going away.", { pointer: true }),
  terminating: field(3, boolean, "True: it is going away.", { pointer: true }),
});

const forZone = object("io.k8s.api.discovery.v1.ForZone", "A zone that an endpoint serves.", {
  name: field(1, stringOf(checkLabelValue), "Name of the zone.", { required: true }),
});

const forNode = object("io.k8s.api.discovery.v1.ForNode", "A node that an endpoint serves.", {
  name: field(1, stringOf(checkDnsSubdomain), "Name of the node.", { required: true }),
});

const endpointHints = object("io.k8s.api.discovery.v1.EndpointHints", "Who should use an endpoint.", {
  forZones: field(1, list(forZone), "Zones that should use it."),
  forNodes: field(2, list(forNode), "Nodes that should use it; at most 8."),
});

const endpoint = object("io.k8s.api.discovery.v1.Endpoint", "One that serves, mostly a pod.", {
  addresses: field(1, setOf(string, { patchMerge: false }), "Its addresses, all of the slice's type.", {
    required: true,
    default: [],
  }),
  conditions: field(2, endpointConditions, "Its state.", { default: {} }),
  hostname: field(3, stringOf(checkDnsLabel), "Host name of the pod.", { pointer: true }),
  targetRef: field(4, objectReference, "The pod.", { pointer: true }),
  deprecatedTopology: field(
    5,
    mapOf(stringOf(checkLabelValue), { checkKey: checkQualifiedName }),
    "Where it was, in v1beta1.",
  ),
  nodeName: field(6, stringOf(checkDnsSubdomain), "Node of the pod.", { pointer: true }),
  zone: field(7, string, "Zone of the node.", { pointer: true }),
  hints: field(8, endpointHints, "Who should use it.", { pointer: true }),
});
export type Endpoint = ValueOf<typeof endpoint>;

const endpointPort = object(
  "io.k8s.api.discovery.v1.EndpointPort",
  "A port that all endpoints of the slice serve.",
  {
    name: field(1, string, "Name of the service's port.", { default: "", pointer: true }),
    protocol: field(2, protocol, "Protocol of the port.", { default: "TCP", pointer: true }),
    port: field(3, int32, "Number of the port; absent: all ports.", { pointer: true }),
    appProtocol: field(4, stringOf(checkQualifiedName), "What is spoken on the port.", { pointer: true }),
  },
  { isAtomic: true },
);
export type EndpointPort = ValueOf<typeof endpointPort>;

export type EndpointSlice = ObjectOf<typeof endpointSlice>;

export const endpointSlice = defineKind({
  group: "discovery.k8s.io",
  version: "v1",
  kind: "EndpointSlice",
  plural: "endpointslices",
  doc: "A part of the addresses behind a service.",
  fields: {
    addressType: field(4, addressType, "What all addresses of the slice are.", {
      required: true,
      immutable: true,
    }),
    endpoints: field(2, list(endpoint), "Those that serve; at most 1000.", { required: true, default: [] }),
    ports: field(3, list(endpointPort), "Ports that all of them serve; at most 100.", { required: true, default: [] }),
  },
  columns: [
    nameColumn,
    {
      name: "AddressType",
      type: "string",
      doc: "What all addresses of the slice are.",
      priority: 0,
      cell: (slice) => slice.addressType,
    },
    {
      name: "Ports",
      type: "string",
      doc: "The first ports.",
      priority: 0,
      cell: ({ ports }) =>
        formatFirst(
          3,
          ports.map(({ port, name }) => port ?? name ?? "*"),
        ) || "<unset>",
    },
    {
      name: "Endpoints",
      type: "string",
      doc: "The first addresses.",
      priority: 0,
      cell: ({ endpoints }) =>
        formatFirst(
          3,
          endpoints.flatMap(({ addresses }) => addresses),
        ) || "<unset>",
    },
    ageColumn,
  ],
  validate: ({ addressType: type, endpoints, ports }) => [
    ...(endpoints.length > MAX_ENDPOINTS
      ? [tooMany("endpoints", endpoints.length, MAX_ENDPOINTS)]
      : endpoints.flatMap((value, index) => validateEndpoint(value, type, indexPath("endpoints", index)))),
    ...(ports.length > MAX_PORTS ? [tooMany("ports", ports.length, MAX_PORTS)] : validatePorts(ports)),
  ],
});

const CHECKS: Readonly<Record<AddressType, Check<string>>> = {
  IPv4: (address) => [...checkIpv4Address(address), ...checkEndpointAddress(address)],
  IPv6: (address) => [...checkIpv6Address(address), ...checkEndpointAddress(address)],
  FQDN: checkFullyQualifiedDomainName,
};

function validateEndpoint(
  { addresses, deprecatedTopology = {}, hints }: Endpoint,
  type: AddressType,
  path: string,
): readonly FieldError[] {
  const addressesPath = childPath(path, "addresses");
  const check = CHECKS[type];
  const labels = Object.keys(deprecatedTopology).length;
  return [
    ...(addresses.length === 0 ? [required(addressesPath, "must contain at least 1 address")] : []),
    ...(addresses.length > MAX_ADDRESSES ? [tooMany(addressesPath, addresses.length, MAX_ADDRESSES)] : []),
    ...addresses.flatMap((address, index) =>
      check(address).map((text) => invalid(indexPath(addressesPath, index), address, text)),
    ),
    ...(labels > MAX_TOPOLOGY_LABELS
      ? [tooMany(childPath(path, "deprecatedTopology"), labels, MAX_TOPOLOGY_LABELS)]
      : []),
    ...validateHints(hints?.forZones ?? [], childPath(path, "hints.forZones")),
    ...validateHints(hints?.forNodes ?? [], childPath(path, "hints.forNodes")),
  ];
}

function validateHints(hints: readonly { readonly name: string }[], path: string): readonly FieldError[] {
  if (hints.length > MAX_HINTS) return [tooMany(path, hints.length, MAX_HINTS)];
  const names = hints.map(({ name }) => name);
  return names.flatMap((name, index) =>
    names.indexOf(name) < index ? [duplicate(childPath(indexPath(path, index), "name"), name)] : [],
  );
}

function validatePorts(ports: readonly EndpointPort[]): readonly FieldError[] {
  const names = ports.map(({ name = "" }) => name);
  return names.flatMap((name, index) => {
    const path = childPath(indexPath("ports", index), "name");
    return [
      ...(name === "" ? [] : checkDnsLabel(name).map((text) => invalid(path, name, text))),
      ...(names.indexOf(name) < index ? [duplicate(path, name)] : []),
    ];
  });
}
