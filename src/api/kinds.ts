/** All kinds that are built in. A new kind is its own file in kinds/ and a line here; others arrive as CRDs. */
import type { Kind } from "./kind.ts";
import { configMap } from "./kinds/config-map.ts";

export const kinds: readonly Kind[] = [configMap];
