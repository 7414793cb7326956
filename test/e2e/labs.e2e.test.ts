/** Every lab on a cluster of two nodes: no check holds before its step is solved, each holds afterwards. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { findKubectls, HOW_TO_PROVIDE } from "#test/kubectl/find-kubectls.ts";
import { labs } from "../../labs/labs.ts";
import { podwire } from "./podwire-command.ts";

const NAME = "labs";
const kubectl = findKubectls().supported.at(-1);
const needs = requireRoot.skip ? requireRoot : { skip: kubectl === undefined && HOW_TO_PROVIDE };

suite("podwire lab", needs, () => {
  const programs = mkdtempSync(join(tmpdir(), "podwire-labs-"));
  const path = process.env["PATH"] ?? "";
  before(async () => {
    // The labs call it by its name.
    symlinkSync(kubectl?.path ?? "", join(programs, "kubectl"));
    process.env["PATH"] = [programs, path].join(delimiter);
    await podwire("up", "--name", NAME, "--nodes", "2");
  });
  after(async () => {
    await podwire("down", "--name", NAME);
    process.env["PATH"] = path;
    rmSync(programs, { recursive: true });
  });

  test("lab list names them all", async () => {
    const listed = await podwire("lab", "list");
    for (const { name, summary } of labs) assert.ok(listed.includes(name) && listed.includes(summary), name);
  });

  for (const lab of labs) {
    test(`lab ${lab.name}: each step is proven by its check`, async () => {
      const said = await podwire("lab", "test", lab.name, "--name", NAME);
      for (const { title } of lab.steps) assert.ok(said.includes(title), title);
    });
  }
});
