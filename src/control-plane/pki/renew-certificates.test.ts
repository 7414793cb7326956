import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openPki, type Pki } from "./open-pki.ts";
import { startCertificateRenewal } from "./renew-certificates.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

test("startCertificateRenewal has certificates made anew before they end, and tells of it once", async () => {
  const directory = await mkdtemp(join(tmpdir(), "renewal-"));
  try {
    let now = Date.now();
    const open = (): Promise<Pki> => openPki({ directory, serverNames: ["127.0.0.1"], now: () => new Date(now) });
    const current = await open();
    const renewed: Pki[] = [];
    let opened = 0;
    const next = async (count: number): Promise<void> => {
      for (const from = opened; opened < from + count; ) await turn.promise;
    };
    let turn = Promise.withResolvers<void>();
    await using _renewal = startCertificateRenewal({
      current,
      async open() {
        const pki = await open();
        opened += 1;
        turn.resolve();
        turn = Promise.withResolvers<void>();
        return pki;
      },
      onRenewed: (pki) => void renewed.push(pki),
      onError: (error) => assert.fail(String(error)),
      intervalMs: 1,
    });
    await next(3);
    assert.equal(renewed.length, 0);
    now += 310 * DAY_MS;
    await next(3);
    assert.equal(renewed.length, 1);
    assert.notEqual(renewed[0]?.server.certificate, current.server.certificate);
    assert.equal(renewed[0]?.certificateAuthority, current.certificateAuthority);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("startCertificateRenewal tries again after an error", async () => {
  const errors: unknown[] = [];
  const done = Promise.withResolvers<void>();
  const pair = (certificate: string) => ({ certificate, key: "" });
  const certificatesOf = (text: string) => ({ server: pair(text), admin: pair(text), kubeletClient: pair(text) });
  await using _renewal = startCertificateRenewal({
    current: certificatesOf("a"),
    async open() {
      if (errors.length < 2) throw new Error("no disk");
      return certificatesOf("b");
    },
    onRenewed: () => done.resolve(),
    onError: (error) => errors.push(error),
    intervalMs: 1,
  });
  await done.promise;
  assert.equal(errors.length, 2);
});
