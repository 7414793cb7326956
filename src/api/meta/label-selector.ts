/** Source: Kubernetes API reference, meta/v1 LabelSelector. */
import { checkLabelValue, checkQualifiedName } from "../names.ts";
import { field, list, mapOf, object, oneOf, stringOf, type ValueOf } from "../schema/schema.ts";

const labelSelectorRequirement = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement",
  "One condition on a label.",
  {
    key: field(1, stringOf(checkQualifiedName), "Key of the label.", { required: true }),
    operator: field(2, oneOf("In", "NotIn", "Exists", "DoesNotExist"), "How the label is compared.", {
      required: true,
    }),
    values: field(3, list(stringOf(checkLabelValue)), "Values for In and NotIn; empty for the others."),
  },
);

/** An empty selector selects everything, an absent one nothing. */
export const labelSelector = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
  "Selects objects by their labels; all conditions must hold.",
  {
    matchLabels: field(
      1,
      mapOf(stringOf(checkLabelValue), { checkKey: checkQualifiedName }),
      "Labels that must be there with these values.",
    ),
    matchExpressions: field(2, list(labelSelectorRequirement), "Further conditions."),
  },
  { isAtomic: true },
);
export type LabelSelector = ValueOf<typeof labelSelector>;
