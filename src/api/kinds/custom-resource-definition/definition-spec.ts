/** Spec and status of a CustomResourceDefinition. Source: Kubernetes API reference, apiextensions.k8s.io/v1. */
import type { ObjectMeta } from "../../meta/object-meta.ts";
import {
  boolean,
  bytes,
  field,
  int32,
  int64,
  list,
  object,
  oneOf,
  string,
  time,
  type ValueOf,
} from "../../schema/schema.ts";
import { definitionNames } from "./definition-names.ts";
import { definitionVersion } from "./definition-version.ts";

export const API = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";

const serviceReference = object(`${API}.ServiceReference`, "A service that is called.", {
  namespace: field(1, string, "Namespace of the service."),
  name: field(2, string, "Name of the service."),
  path: field(3, string, "Path that is called.", { pointer: true }),
  port: field(4, int32, "Port that is called.", { pointer: true }),
});

const webhookConversion = object(`${API}.WebhookConversion`, "How a conversion webhook is called.", {
  clientConfig: field(
    2,
    object(`${API}.WebhookClientConfig`, "Where a webhook is.", {
      service: field(1, serviceReference, "Service of the webhook."),
      caBundle: field(2, bytes, "Certificates that its certificate is checked with."),
      url: field(3, string, "Address of the webhook.", { pointer: true }),
    }),
    "Where the webhook is.",
  ),
  conversionReviewVersions: field(3, list(string), "Versions of ConversionReview that the webhook knows."),
});

const conversion = object(`${API}.CustomResourceConversion`, "How objects get from one version to another.", {
  strategy: field(1, oneOf("None", "Webhook"), "None: only apiVersion changes.", { required: true }),
  webhook: field(2, webhookConversion, "How the webhook is called."),
});

export const definitionSpec = object(`${API}.CustomResourceDefinitionSpec`, "What the kind is to be.", {
  group: field(1, string, "API group of the kind.", { required: true }),
  names: field(3, definitionNames, "Names of the kind.", { required: true }),
  scope: field(4, oneOf("Cluster", "Namespaced"), "Whether objects are in namespaces.", { required: true }),
  versions: field(7, list(definitionVersion), "Versions of the kind; exactly one is stored.", { required: true }),
  conversion: field(9, conversion, "How objects get from one version to another.", { default: { strategy: "None" } }),
  preserveUnknownFields: field(10, boolean, "Must be false."),
});
export type DefinitionSpec = ValueOf<typeof definitionSpec>;

const definitionCondition = object(`${API}.CustomResourceDefinitionCondition`, "One aspect of a definition.", {
  type: field(1, string, "NamesAccepted, Established, Terminating or another aspect.", { required: true }),
  status: field(2, oneOf("True", "False", "Unknown"), "Whether it holds.", { required: true }),
  lastTransitionTime: field(3, time, "When status last changed."),
  reason: field(4, string, "One word for programs."),
  message: field(5, string, "A sentence for people."),
  observedGeneration: field(6, int64, "Generation of the definition that this was found for."),
});
export type DefinitionCondition = ValueOf<typeof definitionCondition>;

export const definitionStatus = object(`${API}.CustomResourceDefinitionStatus`, "What has become of the kind.", {
  conditions: field(1, list(definitionCondition), "Aspects of the definition."),
  acceptedNames: field(2, definitionNames, "Names under which the kind is served."),
  storedVersions: field(3, list(string), "Versions in which objects may be stored."),
  observedGeneration: field(4, int64, "Generation that the status was found for."),
});
export type DefinitionStatus = ValueOf<typeof definitionStatus>;

/** An object of the kind; written out because the kind's rules, which it is declared with, are about it. */
export type CustomResourceDefinition = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: DefinitionSpec;
  readonly status?: DefinitionStatus | undefined;
};
