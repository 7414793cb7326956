/** Source: Kubernetes API reference, coordination.k8s.io/v1 Lease; documentation, "Leases". */
import { ageColumn, nameColumn } from "../columns.ts";
import { type FieldError, forbidden, invalid, notSupported } from "../field-error.ts";
import { defineKind, type ObjectOf } from "../kind.ts";
import { checkQualifiedName } from "../names.ts";
import { field, int32, microTime, object, string } from "../schema/schema.ts";

export type Lease = ObjectOf<typeof lease>;

const leaseSpec = object("io.k8s.api.coordination.v1.LeaseSpec", "Who holds the lease, and for how long.", {
  holderIdentity: field(1, string, "Who holds the lease now.", { pointer: true }),
  leaseDurationSeconds: field(2, int32, "How long others wait after renewTime before they may take the lease.", {
    pointer: true,
  }),
  acquireTime: field(3, microTime, "When the holder took the lease."),
  renewTime: field(4, microTime, "When the holder last said that it is still there."),
  leaseTransitions: field(5, int32, "How often the lease has passed to another holder.", { pointer: true }),
  strategy: field(6, string, "How a coordinated election picks the leader.", { pointer: true }),
  preferredHolder: field(7, string, "Who should get the lease next; asks the holder to give it up.", { pointer: true }),
});

export const lease = defineKind({
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
  doc: "Something that one holder has at a time: leadership, or a node's sign of life.",
  fields: { spec: field(2, leaseSpec, "Who holds the lease, and for how long.") },
  columns: [
    nameColumn,
    {
      name: "Holder",
      type: "string",
      doc: "Who holds the lease now.",
      priority: 0,
      cell: ({ spec }) => spec?.holderIdentity ?? "",
    },
    ageColumn,
  ],
  validate({ spec = {} }): readonly FieldError[] {
    const { leaseDurationSeconds, leaseTransitions, strategy, preferredHolder } = spec;
    return [
      ...(leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0
        ? [invalid("spec.leaseDurationSeconds", leaseDurationSeconds, "must be greater than 0")]
        : []),
      ...(leaseTransitions !== undefined && leaseTransitions < 0
        ? [invalid("spec.leaseTransitions", leaseTransitions, "must be greater than or equal to 0")]
        : []),
      ...(strategy === undefined ? [] : validateStrategy(strategy)),
      ...(preferredHolder !== undefined && preferredHolder !== "" && (strategy === undefined || strategy === "")
        ? [forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined")]
        : []),
    ];
  },
});

/** Kubernetes' own names have no slash; it knows one. */
function validateStrategy(strategy: string): readonly FieldError[] {
  const path = "spec.strategy";
  if (!strategy.includes("/")) {
    return strategy === "OldestEmulationVersion" ? [] : [notSupported(path, strategy, ["OldestEmulationVersion"])];
  }
  return checkQualifiedName(strategy).map((problem) => invalid(path, strategy, problem));
}
