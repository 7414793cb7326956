/**
 * containerd's own leases, on the socket of CRI: what a lease names is kept from garbage collection while it is being put
 * together. Source: containerd, api/services/leases/v1/leases.proto.
 */
import { bool, field, int32, int64, message, repeated, string } from "#base/protobuf.ts";

const lease = message("Lease", {
  id: field(1, string),
  /** google.protobuf.Timestamp */
  createdAt: field(2, message("Timestamp", { seconds: field(1, int64), nanos: field(2, int32) })),
});

export const listLeasesRequest = message("ListRequest", { filters: repeated(1, string) });
export const listLeasesResponse = message("ListResponse", { leases: repeated(1, lease) });
/** `sync`: answered when what only the lease has kept is collected. */
export const deleteLeaseRequest = message("DeleteRequest", { id: field(1, string), sync: field(2, bool) });
