/**
 * Certificates and keys in a folder that only its owner reads (0700, files 0600). A file is whole or not there: it is
 * written under another name, synced and renamed. The certificate comes last, so a certificate has its key.
 */
import { X509Certificate } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { KeyPair } from "./sign-certificate.ts";

export async function ensurePrivateDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // mkdir leaves the mode of a folder that is there already.
  await chmod(directory, 0o700);
}

/** Replaces the file in one step; it is on the disk when this resolves. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    await using file = await open(draft, "w", 0o600);
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    throw new Error(`Cannot write ${JSON.stringify(path)}: ${(cause as Error).message}`, { cause });
  }
}

/** undefined when there is no such file. */
export async function readTextFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    // Only a missing file is expected; Node's errors carry a code.
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`Cannot read ${JSON.stringify(path)}: ${(cause as Error).message}`, { cause });
  }
}

export async function writeKeyPair(directory: string, name: string, pair: KeyPair): Promise<void> {
  await writePrivateFile(join(directory, `${name}.key`), pair.key);
  await writePrivateFile(join(directory, `${name}.crt`), pair.certificate);
  await syncDirectory(directory);
}

/** The pair as it lies there; undefined when a half is missing. */
export async function readKeyPair(directory: string, name: string): Promise<KeyPair | undefined> {
  const [certificate, key] = await Promise.all([
    readTextFile(join(directory, `${name}.crt`)),
    readTextFile(join(directory, `${name}.key`)),
  ]);
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

/** undefined when it is no certificate. */
export function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    // A file that a person has damaged is as good as none.
    return undefined;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, "r");
  await handle.sync();
}
