/**
 * Messages of CRI's image service: the fields that Podwire uses.
 * Source: k8s.io/cri-api, package runtime.v1, Kubernetes 1.32.
 */
import {
  bool,
  type Decoded,
  type Encodable,
  field,
  int64,
  message,
  repeated,
  string,
  stringMap,
  uint64,
} from "#base/protobuf.ts";

export const imageSpec = message("ImageSpec", { image: field(1, string), annotations: stringMap(2) });

const image = message("Image", {
  id: field(1, string),
  repoTags: repeated(2, string),
  repoDigests: repeated(3, string),
  /** Bytes. */
  size: field(4, uint64),
  /** The user that it runs as, by number or by name; neither: root. */
  uid: field(5, message("Int64Value", { value: field(1, int64) })),
  username: field(6, string),
  pinned: field(8, bool),
});
export type Image = Decoded<typeof image>;

export const imageStatusRequest = message("ImageStatusRequest", {
  image: field(1, imageSpec),
  verbose: field(2, bool),
});

export const imageStatusResponse = message("ImageStatusResponse", {
  /** Absent when the node does not have the image: that is no error. */
  image: field(1, image),
  info: stringMap(2),
});

export const listImagesRequest = message("ListImagesRequest", {
  filter: field(1, message("ImageFilter", { image: field(1, imageSpec) })),
});

export const listImagesResponse = message("ListImagesResponse", { images: repeated(1, image) });

const authConfig = message("AuthConfig", {
  username: field(1, string),
  password: field(2, string),
  /** "user:password" in base64. */
  auth: field(3, string),
  serverAddress: field(4, string),
  identityToken: field(5, string),
  registryToken: field(6, string),
});
export type AuthConfig = Encodable<typeof authConfig>;

export const pullImageRequest = message("PullImageRequest", { image: field(1, imageSpec), auth: field(2, authConfig) });

export const removeImageRequest = message("RemoveImageRequest", { image: field(1, imageSpec) });

export const imageFsInfoRequest = message("ImageFsInfoRequest", {});

const filesystemUsage = message("FilesystemUsage", {
  fsId: field(2, message("FilesystemIdentifier", { mountpoint: field(1, string) })),
  usedBytes: field(3, message("UInt64Value", { value: field(1, uint64) })),
});

export const imageFsInfoResponse = message("ImageFsInfoResponse", { imageFilesystems: repeated(1, filesystemUsage) });

export const pullImageResponse = message("PullImageResponse", { imageRef: field(1, string) });
