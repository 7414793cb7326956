/** Source: Kubernetes API reference, core/v1 ServiceAccount; documentation, "Service Accounts". */
import { ageColumn, nameColumn } from "../columns.ts";
import { defineKind, type ObjectOf } from "../kind.ts";
import { localObjectReference, objectReference } from "../meta/object-reference.ts";
import { boolean, field, list, listBy } from "../schema/schema.ts";

export type ServiceAccount = ObjectOf<typeof serviceAccount>;

export const serviceAccount = defineKind({
  group: "",
  version: "v1",
  kind: "ServiceAccount",
  plural: "serviceaccounts",
  shortNames: ["sa"],
  doc: "Who the processes of a pod are, when they talk to the API.",
  fields: {
    secrets: field(
      2,
      listBy(objectReference, ["name"], { patchKey: "name" }),
      "Secrets that pods may use, where the account is limited to some.",
    ),
    imagePullSecrets: field(3, list(localObjectReference), "Secrets with which images of its pods are pulled."),
    automountServiceAccountToken: field(4, boolean, "False: its pods get no token, unless they ask for one.", {
      pointer: true,
    }),
  },
  subresources: [
    {
      name: "token",
      kind: { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" },
      verbs: ["create"],
    },
  ],
  columns: [
    nameColumn,
    {
      name: "Secrets",
      type: "string",
      doc: "Number of secrets that pods may use.",
      priority: 0,
      cell: ({ secrets = [] }) => secrets.length,
    },
    ageColumn,
  ],
});
