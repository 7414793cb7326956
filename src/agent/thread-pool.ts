/**
 * Size of libuv's thread pool, to be set before anything uses it. Each link deletion holds a thread while the kernel
 * waits, one thread waits for netlink events, one for packets of the udp back end, and
 * files, locks, link deletions of data planes and names of API servers need some, too. Source: libuv, "Thread pool work scheduling".
 */
import { MAX_DELETIONS } from "./link-remover.ts";

const OTHER_THREADS = 7;

export function sizeThreadPool(): void {
  process.env["UV_THREADPOOL_SIZE"] ??= String(MAX_DELETIONS + OTHER_THREADS);
}
