/** Brings image files into a node's containerd, by way of `ctr`; CRI then knows them by their names. */
import { askUntil } from "#cri/ask-until.ts";
import type { CriClient } from "#cri/cri-client.ts";
import type { ImageFile } from "./images.ts";
import { runProgram } from "./program.ts";

export interface ImageTarget {
  readonly name: string;
  /** containerd's socket, as a path on this machine. */
  readonly criSocket: string;
  readonly cri: CriClient;
}

export async function importImages(
  node: ImageTarget,
  images: readonly ImageFile[],
  signal: AbortSignal,
): Promise<void> {
  // One after the other: containerd locks the archive's index by a name that all archives share, and then waits.
  for (const image of images) await importImage(node, image, signal);
}

async function importImage(node: ImageTarget, image: ImageFile, signal: AbortSignal): Promise<void> {
  const ctr = ["ctr", "--address", node.criSocket, "--namespace", "k8s.io"];
  const { code, stderr } = await runProgram([...ctr, "images", "import", image.path], signal);
  if (code !== 0) {
    throw new Error(`Cannot import image file "${image.path}" into node "${node.name}": ctr says ${stderr.trim()}`);
  }
  // containerd tells its CRI service about new images in the background.
  await Promise.all(
    image.names.map((name) =>
      askUntil(
        {
          what: `image "${name}" in node "${node.name}"`,
          ask: (signal) => node.cri.imageStatus({ image: { image: name } }, signal),
          missing: (answer) => (answer.image === undefined ? "CRI does not know it" : undefined),
        },
        signal,
      ),
    ),
  );
}
