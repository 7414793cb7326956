/** Environment variables and where they come from. Source: Kubernetes API reference, core/v1 EnvVar, EnvFromSource. */
import { boolean, field, object, quantity, string, type ValueOf } from "../../schema/schema.ts";

export const objectFieldSelector = object(
  "io.k8s.api.core.v1.ObjectFieldSelector",
  "Selects a field of the pod.",
  {
    apiVersion: field(1, string, "Version of the pod's schema.", { default: "v1" }),
    fieldPath: field(2, string, "Path of the field, such as metadata.name or status.podIP.", { required: true }),
  },
  { isAtomic: true },
);

export const resourceFieldSelector = object(
  "io.k8s.api.core.v1.ResourceFieldSelector",
  "Selects a limit or a request of a container.",
  {
    containerName: field(1, string, "Name of the container; in a variable by default its own."),
    resource: field(2, string, "What to read, such as limits.cpu.", { required: true }),
    divisor: field(3, quantity, "Unit of the result; 0 is 1.", { default: "0" }),
  },
  { isAtomic: true },
);

const optional = "True: it need not exist.";

const configMapKeySelector = object(
  "io.k8s.api.core.v1.ConfigMapKeySelector",
  "Selects a key of a ConfigMap.",
  {
    name: field([1, 1], string, "Name of the ConfigMap.", { default: "" }),
    key: field(2, string, "Key in the ConfigMap.", { required: true }),
    optional: field(3, boolean, optional, { pointer: true }),
  },
  { isAtomic: true },
);

const secretKeySelector = object(
  "io.k8s.api.core.v1.SecretKeySelector",
  "Selects a key of a Secret.",
  {
    name: field([1, 1], string, "Name of the Secret.", { default: "" }),
    key: field(2, string, "Key in the Secret.", { required: true }),
    optional: field(3, boolean, optional, { pointer: true }),
  },
  { isAtomic: true },
);

const envVarSource = object("io.k8s.api.core.v1.EnvVarSource", "Where a variable's value comes from.", {
  fieldRef: field(1, objectFieldSelector, "A field of the pod."),
  resourceFieldRef: field(2, resourceFieldSelector, "A limit or a request of a container."),
  configMapKeyRef: field(3, configMapKeySelector, "A key of a ConfigMap."),
  secretKeyRef: field(4, secretKeySelector, "A key of a Secret."),
});

export const envVar = object("io.k8s.api.core.v1.EnvVar", "An environment variable.", {
  name: field(1, string, "Name of the variable.", { required: true }),
  value: field(2, string, "Value; $(NAME) stands for a variable defined before."),
  valueFrom: field(3, envVarSource, "Where the value comes from, instead of value."),
});
export type EnvVar = ValueOf<typeof envVar>;

const configMapEnvSource = object("io.k8s.api.core.v1.ConfigMapEnvSource", "All keys of a ConfigMap.", {
  name: field([1, 1], string, "Name of the ConfigMap.", { default: "" }),
  optional: field(2, boolean, optional, { pointer: true }),
});

const secretEnvSource = object("io.k8s.api.core.v1.SecretEnvSource", "All keys of a Secret.", {
  name: field([1, 1], string, "Name of the Secret.", { default: "" }),
  optional: field(2, boolean, optional, { pointer: true }),
});

export const envFromSource = object("io.k8s.api.core.v1.EnvFromSource", "Many environment variables at once.", {
  prefix: field(1, string, "Text before each name."),
  configMapRef: field(2, configMapEnvSource, "The ConfigMap that they come from."),
  secretRef: field(3, secretEnvSource, "The Secret that they come from."),
});
export type EnvFromSource = ValueOf<typeof envFromSource>;
