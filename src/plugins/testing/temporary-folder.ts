/** A folder that is gone after the test. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

export function temporaryFolder(test: Pick<TestContext, "after">): string {
  const path = mkdtempSync(join(tmpdir(), "podwire-test-"));
  test.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
