/** Where this program runs from: the source tree, or a folder of bundles that `scripts/build.ts` made. */
import { join } from "node:path";

/** Bundles are JavaScript. */
export const isSourceTree = import.meta.filename.endsWith(".ts");

/** Root of the source tree; meaningless in a bundle. */
export const projectRoot = join(import.meta.dirname, "../..");
