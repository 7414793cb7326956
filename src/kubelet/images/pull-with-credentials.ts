/** Tries the credentials that fit an image, one after the other; without any, as everybody may. */
import type { CriClient } from "#cri/cri-client.ts";
import { credentialsFor, type RegistryCredential } from "./registry-credentials.ts";

/** Gives the runtime's reference. Rejects with the last refusal. */
export async function pullWithCredentials(
  cri: Pick<CriClient, "pullImage">,
  name: string,
  known: readonly RegistryCredential[],
  signal: AbortSignal,
): Promise<string> {
  const fitting = credentialsFor(name, known);
  let failure: unknown;
  for (const auth of fitting.length === 0 ? [undefined] : fitting) {
    try {
      return (await cri.pullImage({ image: { image: name }, ...(auth !== undefined && { auth }) }, signal)).imageRef;
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}
