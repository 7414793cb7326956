/** One version of a custom kind: its schema, what it can do, how it is printed. */
import { jsonSchemaProps } from "../../json-schema/json-schema-props.ts";
import { boolean, field, int32, list, object, string, type ValueOf } from "../../schema/schema.ts";

const API = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";

const customResourceValidation = object(`${API}.CustomResourceValidation`, "What objects of a version may be.", {
  openAPIV3Schema: field(1, jsonSchemaProps, "Schema of the objects."),
});

const scaleSubresource = object(`${API}.CustomResourceSubresourceScale`, "Where the fields of the scale are.", {
  specReplicasPath: field(1, string, "Path of the wanted number, below .spec."),
  statusReplicasPath: field(2, string, "Path of the number that there is, below .status."),
  labelSelectorPath: field(3, string, "Path of the selector as text, below .spec or .status.", { pointer: true }),
});

const subresources = object(`${API}.CustomResourceSubresources`, "Parts that are written by paths of their own.", {
  status: field(
    1,
    object(`${API}.CustomResourceSubresourceStatus`, "Status has a path of its own.", {}),
    "Status is written by its own path only.",
  ),
  scale: field(2, scaleSubresource, "The number of replicas can be read and written as a Scale."),
});

const printerColumn = object(`${API}.CustomResourceColumnDefinition`, "One column of kubectl get.", {
  name: field(1, string, "Heading of the column."),
  type: field(2, string, "integer, number, string, boolean or date."),
  format: field(3, string, "What a value of the type looks like."),
  description: field(4, string, "What the column shows."),
  priority: field(5, int32, "0 for columns that are always shown; others come with -o wide."),
  jsonPath: field(6, string, "Path of the value in the object."),
});
export type PrinterColumn = ValueOf<typeof printerColumn>;

const selectableField = object(`${API}.SelectableField`, "A field that objects can be selected by.", {
  jsonPath: field(1, string, "Path of the field, such as .spec.color."),
});

export const definitionVersion = object(`${API}.CustomResourceDefinitionVersion`, "One version of a custom kind.", {
  name: field(1, string, "Name of the version, such as v1."),
  served: field(2, boolean, "True: clients may use the version.", { pointer: true, default: false }),
  storage: field(3, boolean, "True for the one version that objects are stored in.", { pointer: true, default: false }),
  schema: field(4, customResourceValidation, "What objects may be."),
  subresources: field(5, subresources, "Parts that are written by paths of their own."),
  additionalPrinterColumns: field(6, list(printerColumn), "Columns of kubectl get; without any there is the age."),
  deprecated: field(7, boolean, "True: clients are warned."),
  deprecationWarning: field(8, string, "What the warning says.", { pointer: true }),
  selectableFields: field(9, list(selectableField), "Fields that objects can be selected by."),
});
export type DefinitionVersion = ValueOf<typeof definitionVersion>;
