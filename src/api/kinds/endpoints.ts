/** Addresses behind a service, in the old form. Source: Kubernetes API reference, core/v1 Endpoints. */
import { ageColumn, nameColumn } from "../columns.ts";
import { childPath, type FieldError, forbidden, indexPath, invalid, required } from "../field-error.ts";
import { defineKind, type ObjectOf } from "../kind.ts";
import { objectReference } from "../meta/object-reference.ts";
import { checkDnsLabel, checkDnsSubdomain, checkQualifiedName } from "../names.ts";
import { field, list, object, stringOf, type ValueOf } from "../schema/schema.ts";
import { checkAddress, checkEndpointAddress } from "./network/address.ts";
import { formatFirst } from "./network/format-first.ts";
import { portNumber, protocol } from "./network/port.ts";

const endpointAddress = object(
  "io.k8s.api.core.v1.EndpointAddress",
  "An address of a pod, or of something else that serves.",
  {
    ip: field(1, stringOf(checkAddress), "The address.", { required: true }),
    hostname: field(3, stringOf(checkDnsLabel), "Host name of the pod."),
    nodeName: field(4, stringOf(checkDnsSubdomain), "Node of the pod.", { pointer: true }),
    targetRef: field(2, objectReference, "The pod.", { pointer: true }),
  },
  { isAtomic: true },
);
type EndpointAddress = ValueOf<typeof endpointAddress>;

const endpointPort = object(
  "io.k8s.api.core.v1.EndpointPort",
  "A port that is served on all addresses.",
  {
    name: field(1, stringOf(checkDnsLabel), "Name of the service's port; may be empty when there is only one."),
    port: field(2, portNumber, "Number of the port.", { required: true, default: 0 }),
    protocol: field(3, protocol, "Protocol of the port.", { default: "TCP" }),
    appProtocol: field(4, stringOf(checkQualifiedName), "What is spoken on the port.", { pointer: true }),
  },
  { isAtomic: true },
);

const endpointSubset = object("io.k8s.api.core.v1.EndpointSubset", "Addresses that serve the same ports.", {
  addresses: field(1, list(endpointAddress), "Addresses that are ready."),
  notReadyAddresses: field(2, list(endpointAddress), "Addresses that are not ready."),
  ports: field(3, list(endpointPort), "Ports that they serve."),
});
export type EndpointSubset = ValueOf<typeof endpointSubset>;

export type Endpoints = ObjectOf<typeof endpoints>;

export const endpoints = defineKind({
  group: "",
  version: "v1",
  kind: "Endpoints",
  plural: "endpoints",
  shortNames: ["ep"],
  doc: "Addresses behind the service of the same name, in the old form.",
  fields: {
    subsets: field(2, list(endpointSubset), "Addresses, by the ports that they serve."),
  },
  columns: [
    nameColumn,
    {
      name: "Endpoints",
      type: "string",
      doc: "The first addresses and ports that are ready.",
      priority: 0,
      cell: ({ subsets = [] }) => (subsets.length === 0 ? "<none>" : formatFirst(3, subsets.flatMap(hostPorts))),
    },
    ageColumn,
  ],
  validate: ({ subsets = [] }) =>
    subsets.flatMap((subset, index) => validateSubset(subset, indexPath("subsets", index))),
  validateUpdate: (next, old) => validateNodeNames(next.subsets ?? [], old.subsets ?? []),
});

function hostPorts({ addresses = [], ports = [] }: EndpointSubset): readonly string[] {
  if (ports.length === 0) return addresses.map(({ ip }) => ip);
  return ports.flatMap(({ port }) =>
    addresses.map(({ ip }) => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`)),
  );
}

function validateSubset(
  { addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset,
  path: string,
): readonly FieldError[] {
  return [
    ...(addresses.length + notReadyAddresses.length === 0
      ? [required(path, "must specify `addresses` or `notReadyAddresses`")]
      : []),
    ...validateAddresses(addresses, childPath(path, "addresses")),
    ...validateAddresses(notReadyAddresses, childPath(path, "notReadyAddresses")),
    ...ports.flatMap(({ name = "" }, index) =>
      ports.length > 1 && name === "" ? [required(childPath(indexPath(childPath(path, "ports"), index), "name"))] : [],
    ),
  ];
}

/** What is no address at all, the schema says. */
function validateAddresses(addresses: readonly EndpointAddress[], path: string): readonly FieldError[] {
  return addresses.flatMap(({ ip }, index) =>
    checkAddress(ip).length > 0
      ? []
      : checkEndpointAddress(ip).map((text) => invalid(childPath(indexPath(path, index), "ip"), ip, text)),
  );
}

/** An address does not wander from one node to another. */
function validateNodeNames(next: readonly EndpointSubset[], old: readonly EndpointSubset[]): readonly FieldError[] {
  const nodeNames = new Map(old.flatMap(allAddresses).map(({ address: { ip, nodeName } }) => [ip, nodeName]));
  return next.flatMap(allAddresses).flatMap(({ address: { ip, nodeName }, path }) => {
    const before = nodeNames.get(ip);
    return before === undefined || nodeName === undefined || nodeName === before
      ? []
      : [forbidden(childPath(path, "nodeName"), `Cannot change NodeName for ${ip} to ${nodeName}`)];
  });
}

function allAddresses(subset: EndpointSubset, index: number) {
  const lists = ["addresses", "notReadyAddresses"] as const;
  return lists.flatMap((name) =>
    (subset[name] ?? []).map((address, at) => ({
      address,
      path: indexPath(childPath(indexPath("subsets", index), name), at),
    })),
  );
}
