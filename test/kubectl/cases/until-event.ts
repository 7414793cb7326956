/** Events are written in the background: who looks for one waits for it first. */
import type { Step } from "../case-table.ts";

export function untilEvent(about: string, reason: string): Step {
  return {
    run: `get events -w -o name --field-selector involvedObject.name=${about},reason=${reason}`,
    stdout: "{lines}\nevent/{word}",
    meanwhile: { after: "event/", until: "output" },
  };
}
