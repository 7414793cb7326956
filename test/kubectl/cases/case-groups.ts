/** The whole table. */
import type { CaseGroup } from "../case-table.ts";
import { apply } from "./apply.ts";
import { auth } from "./auth.ts";
import { basics } from "./basics.ts";
import { change } from "./change.ts";
import { create } from "./create.ts";
import { custom } from "./custom.ts";
import { describe } from "./describe.ts";
import { describeRest } from "./describe-rest.ts";
import { discovery } from "./discovery.ts";
import { get } from "./get.ts";
import { getYaml } from "./get-yaml.ts";
import { nodes } from "./nodes.ts";
import { remove } from "./remove.ts";
import { rollout } from "./rollout.ts";
import { streams } from "./streams.ts";
import { wait } from "./wait.ts";

export const caseGroups: readonly CaseGroup[] = [
  basics,
  discovery,
  get,
  getYaml,
  create,
  apply,
  change,
  rollout,
  remove,
  wait,
  describe,
  describeRest,
  streams,
  nodes,
  auth,
  custom,
];
