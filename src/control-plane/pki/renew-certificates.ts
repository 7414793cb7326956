/**
 * Looks once a day whether certificates end soon, and has them made anew while the server runs: one that is never
 * started again would become unreachable after a year.
 */
import type { KeyPair } from "./sign-certificate.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

export interface Certificates {
  readonly server: KeyPair;
  readonly kubeletClient: KeyPair;
  readonly admin: KeyPair;
}

export interface RenewalOptions<C extends Certificates> {
  /** Those in use. */
  readonly current: C;
  /** Makes anew what ends soon; gives all of them. */
  readonly open: () => Promise<C>;
  readonly onRenewed: (certificates: C) => void | Promise<void>;
  readonly onError: (error: unknown) => void;
  readonly intervalMs?: number;
}

export function startCertificateRenewal<C extends Certificates>(options: RenewalOptions<C>): AsyncDisposable {
  const { open, onRenewed, onError, intervalMs = DAY_MS } = options;
  let inUse: Certificates = options.current;
  let running: Promise<void> | undefined;

  async function renew(): Promise<void> {
    const opened = await open();
    if (isSame(opened, inUse)) return;
    await onRenewed(opened);
    inUse = opened;
  }

  const timer = setInterval(() => {
    running ??= renew()
      .catch(onError)
      .finally(() => {
        running = undefined;
      });
  }, intervalMs);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}

function isSame(a: Certificates, b: Certificates): boolean {
  const texts = ({ server, kubeletClient, admin }: Certificates) => [server, kubeletClient, admin].map(textOf).join();
  return texts(a) === texts(b);
}

function textOf({ certificate }: KeyPair): string {
  return certificate;
}
