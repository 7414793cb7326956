/** Columns that workload kinds share. */
import type { Column } from "../../kind.ts";
import { formatLabelSelectorOrNone } from "../../meta/format-label-selector.ts";
import type { LabelSelector } from "../../meta/label-selector.ts";
import type { PodTemplateSpec } from "../pod/pod-template.ts";

interface WithTemplate {
  readonly spec: { readonly template: PodTemplateSpec };
}

interface WithSelector {
  readonly spec: { readonly selector?: LabelSelector | undefined };
}

export const containersColumn: Column<WithTemplate> = {
  name: "Containers",
  type: "string",
  doc: "Names of the containers.",
  priority: 1,
  cell: ({ spec }) => spec.template.spec.containers.map(({ name }) => name).join(","),
};

export const imagesColumn: Column<WithTemplate> = {
  name: "Images",
  type: "string",
  doc: "Images of the containers.",
  priority: 1,
  cell: ({ spec }) => spec.template.spec.containers.map(({ image }) => image).join(","),
};

export const selectorColumn: Column<WithSelector> = {
  name: "Selector",
  type: "string",
  doc: "Labels of the pods that belong to it.",
  priority: 1,
  cell: ({ spec }) => formatLabelSelectorOrNone(spec.selector),
};
