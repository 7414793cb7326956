/** Podwire's command line as `podwire install` puts it into a folder. */
import { join } from "node:path";

/** What the script `podwire` there runs, without a shell; arguments follow. `folder`: "/opt/cni/bin/.podwire". */
export function podwireCommand(folder: string): readonly string[] {
  return [join(folder, "node"), "--disable-warning=ExperimentalWarning", join(folder, "podwire.cjs")];
}
