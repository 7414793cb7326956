/** Source: Kubernetes API reference, authorization.k8s.io/v1 SelfSubjectRulesReview. */
import { defineKind, type ObjectOf } from "../../kind.ts";
import { boolean, field, list, object, string, type ValueOf } from "../../schema/schema.ts";
import { AUTHORIZATION_GROUP } from "./access-review.ts";

export type SelfSubjectRulesReview = ObjectOf<typeof selfSubjectRulesReview>;

const name = (kind: string) => `io.k8s.api.authorization.v1.${kind}`;

const spec = object(name("SelfSubjectRulesReviewSpec"), "Where the rules should hold.", {
  namespace: field(1, string, "Namespace whose rules are asked for; needed."),
});

const resourceRule = object(name("ResourceRule"), "Verbs that are allowed on resources.", {
  verbs: field(1, list(string), "What may be done; * for everything."),
  apiGroups: field(2, list(string), "Groups of the resources; * for all."),
  resources: field(3, list(string), "The resources; * for all."),
  resourceNames: field(4, list(string), "Names of the objects; empty for all."),
});
export type ResourceRule = ValueOf<typeof resourceRule>;

const nonResourceRule = object(name("NonResourceRule"), "Verbs that are allowed on paths without objects.", {
  verbs: field(1, list(string), "HTTP methods in lower case; * for all."),
  nonResourceURLs: field(2, list(string), "The paths; a * at the end stands for anything."),
});
export type NonResourceRule = ValueOf<typeof nonResourceRule>;

const status = object(name("SubjectRulesReviewStatus"), "What is allowed.", {
  resourceRules: field(1, list(resourceRule), "Rules on resources."),
  nonResourceRules: field(2, list(nonResourceRule), "Rules on paths."),
  incomplete: field(3, boolean, "True when more may be allowed than the lists say."),
  evaluationError: field(4, string, "What went wrong while the rules were found."),
});
export type SubjectRulesReviewStatus = ValueOf<typeof status>;

export const selfSubjectRulesReview = defineKind({
  group: AUTHORIZATION_GROUP,
  version: "v1",
  kind: "SelfSubjectRulesReview",
  plural: "selfsubjectrulesreviews",
  isNamespaced: false,
  verbs: ["create"],
  hasStatus: false,
  doc: "Asks what the one who asks may do in a namespace.",
  fields: {
    spec: field(2, spec, "The question."),
    status: field(3, status, "The answer; set by the server."),
  },
});
