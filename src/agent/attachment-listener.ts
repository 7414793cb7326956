/**
 * Who has to know of a pod's link before ADD answers, and before DEL takes it away. Started after the plugins and ended
 * before them, so it comes and goes in a relay.
 */
import type { LedgerRecord } from "./ledger.ts";

export interface AttachmentListener {
  /** The link is there, the result is recorded. A rejection fails the ADD, which is undone. */
  added(record: LedgerRecord): Promise<void>;
  /** The link is about to go. */
  removing(record: LedgerRecord): void;
}

export interface AttachmentRelay extends AttachmentListener {
  follow(listener: AttachmentListener): Disposable;
}

export function createAttachmentRelay(): AttachmentRelay {
  let current: AttachmentListener | undefined;
  return {
    added: async (record) => current?.added(record),
    removing: (record) => current?.removing(record),
    follow(listener) {
      current = listener;
      return {
        [Symbol.dispose]() {
          if (current === listener) current = undefined;
        },
      };
    },
  };
}
