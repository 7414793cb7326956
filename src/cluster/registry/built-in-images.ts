/**
 * Images that the registry has without anybody bringing them: pause, busybox and nginx, built when they are first asked
 * for and kept in a folder that all clusters share. Files are complete or not there, so several may build at once.
 */
import { busyboxImage, cachedImage, type ImageFile, pauseImage, readBusybox } from "../images.ts";
import { cachedNginxImage } from "./cached-nginx-image.ts";
import type { Repository } from "./image-reference.ts";

export interface BuiltInImage {
  /** Repositories that have it. */
  readonly repositories: readonly Repository[];
  /** Tags that mean it. */
  readonly tags: RegExp;
  /** One of them, for listings. */
  readonly listedTag: string;
  /** The image's file, built if need be. */
  build(cacheDir: string, signal: AbortSignal): Promise<ImageFile>;
}

/** `1`, `1.36`, `1.29.2-4` */
const VERSION = "\\d+(?:\\.\\d+){0,2}(?:-\\d+)?";
const PAUSE_TAGS = new RegExp(`^(?:latest|${VERSION})$`);
/** A version or a channel, and what it is built with or based on. */
const BUSYBOX_TAGS = tagsOf("latest|stable|unstable", "glibc|musl|uclibc");
const NGINX_TAGS = tagsOf("latest|stable|mainline", "alpine|alpine-slim|bookworm|perl");

const DOCKER_HUB = "docker.io";
const KUBERNETES = ["registry.k8s.io", "k8s.gcr.io"] as const;

export const BUILT_IN_IMAGES: readonly BuiltInImage[] = [
  {
    repositories: KUBERNETES.map((registry) => ({ registry, repository: "pause" })),
    tags: PAUSE_TAGS,
    listedTag: "3.9",
    build: (cacheDir) => cachedImage(cacheDir, pauseImage(process.arch)),
  },
  {
    repositories: [
      { registry: DOCKER_HUB, repository: "library/busybox" },
      ...KUBERNETES.flatMap((registry) => [
        { registry, repository: "busybox" },
        { registry, repository: "e2e-test-images/busybox" },
      ]),
    ],
    tags: BUSYBOX_TAGS,
    listedTag: "latest",
    build: async (cacheDir, signal) => cachedImage(cacheDir, busyboxImage(process.arch, await readBusybox(signal))),
  },
  {
    repositories: [
      { registry: DOCKER_HUB, repository: "library/nginx" },
      ...KUBERNETES.flatMap((registry) => [
        { registry, repository: "nginx" },
        { registry, repository: "e2e-test-images/nginx" },
      ]),
    ],
    tags: NGINX_TAGS,
    listedTag: "latest",
    build: cachedNginxImage,
  },
];

function tagsOf(channels: string, variants: string): RegExp {
  return new RegExp(`^(?:(?:${channels}|${VERSION})(?:-(?:${variants}))?|${variants})$`);
}
