/**
 * Builds the images that need a network before the tests lose it: nginx comes from Debian's packages. Tests find it in
 * the source tree's own cache; without it, those that need it fail and say so.
 */
import { join } from "node:path";
import { cachedNginxImage } from "#cluster/registry/cached-nginx-image.ts";
import { projectRoot } from "../installation.ts";

const TIMEOUT_MS = 180_000;

export async function prepareImages(say: (line: string) => unknown): Promise<void> {
  try {
    await cachedNginxImage(join(projectRoot, "build/images"), AbortSignal.timeout(TIMEOUT_MS));
  } catch (error) {
    say(`nginx image: ${error instanceof Error ? error.message : error}`);
  }
}
