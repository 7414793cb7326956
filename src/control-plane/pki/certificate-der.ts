/**
 * The bytes of X.509 certificates as the cluster has them: version 3, named by CN and O, for ECDSA P-256 with SHA-256.
 * What is not written here is not needed: whoever wants other names, purposes or keys brings a certificate of their own.
 * Source: RFC 5280 sections 4.1 and 4.2; RFC 5758 section 3.2 (the signature's algorithm).
 */
import { hash } from "node:crypto";
import { DecodeError } from "#base/codec/codec.ts";
import { addressBytes, isAddress, parseAddress } from "#base/ip-address.ts";
import {
  bitString,
  booleanTrue,
  constructedContextTag,
  contextTag,
  type DerElement,
  element,
  namedBits,
  objectIdentifier,
  octetString,
  readElements,
  sequence,
  set,
  TAG,
  time,
  unsignedInteger,
  utf8String,
} from "./der.ts";

const OID = {
  commonName: objectIdentifier("2.5.4.3"),
  organization: objectIdentifier("2.5.4.10"),
  subjectKeyIdentifier: objectIdentifier("2.5.29.14"),
  keyUsage: objectIdentifier("2.5.29.15"),
  subjectAltName: objectIdentifier("2.5.29.17"),
  basicConstraints: objectIdentifier("2.5.29.19"),
  authorityKeyIdentifier: objectIdentifier("2.5.29.35"),
  extKeyUsage: objectIdentifier("2.5.29.37"),
  serverAuth: objectIdentifier("1.3.6.1.5.5.7.3.1"),
  clientAuth: objectIdentifier("1.3.6.1.5.5.7.3.2"),
  ecdsaWithSha256: objectIdentifier("1.2.840.10045.4.3.2"),
};

/** Without parameters. */
const SIGNATURE_ALGORITHM = sequence(OID.ecdsaWithSha256);

/** Bits of KeyUsage. */
const DIGITAL_SIGNATURE = 0;
const KEY_CERT_SIGN = 5;
const CRL_SIGN = 6;

export type CertificateUsage = "authority" | "server" | "client" | "serverAndClient";

/** What is signed: a TBSCertificate. */
export interface CertificateBody {
  /** A number that is not negative, at most 20 bytes with its sign. */
  readonly serialNumber: Uint8Array;
  /** A Name, DER. */
  readonly issuer: Uint8Array;
  /** A Name, DER. */
  readonly subject: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  readonly usage: CertificateUsage;
  /** DNS names and addresses. */
  readonly serverNames: readonly string[];
  /** Of the issuer's key; undefined in a certificate that signs itself. */
  readonly authorityKeyIdentifier: Uint8Array | undefined;
}

export function encodeCertificateBody(body: CertificateBody): Buffer {
  return sequence(
    // Version 3 is number 2.
    element(constructedContextTag(0), unsignedInteger(Buffer.of(2))),
    unsignedInteger(body.serialNumber),
    SIGNATURE_ALGORITHM,
    body.issuer,
    sequence(time(body.notBefore), time(body.notAfter)),
    body.subject,
    body.publicKey,
    element(constructedContextTag(3), sequence(...extensions(body))),
  );
}

/** The certificate of a body and its signature. */
export function encodeCertificate(body: Uint8Array, signature: Uint8Array): Buffer {
  return sequence(body, SIGNATURE_ALGORITHM, bitString(signature));
}

/** As a Name: a user's name, and the user's groups. */
export function encodeName(commonName: string, organizations: readonly string[]): Buffer {
  const attribute = (type: Buffer, value: string): Buffer => set(sequence(type, utf8String(value)));
  return sequence(
    attribute(OID.commonName, commonName),
    ...organizations.map((organization) => attribute(OID.organization, organization)),
  );
}

/** Of a SubjectPublicKeyInfo: the first method of RFC 5280 section 4.2.1.2. */
export function keyIdentifier(publicKey: Buffer): Buffer {
  const [, key] = readElements(only(readElements(publicKey), "SubjectPublicKeyInfo", TAG.sequence).content);
  if (key?.tag !== TAG.bitString) throw new DecodeError("SubjectPublicKeyInfo", 0, "it has no key");
  // Before the key is the number of bits that its last byte does not use.
  return hash("sha1", key.content.subarray(1), "buffer");
}

/** What the certificates of an authority say about it, byte for byte: others compare no less strictly. */
export interface AuthorityNames {
  readonly subject: Buffer;
  readonly keyIdentifier: Buffer;
}

export function readAuthorityNames(certificate: Buffer): AuthorityNames {
  const outer = only(readElements(certificate), "Certificate", TAG.sequence);
  const body = only(readElements(outer.content).slice(0, 1), "TBSCertificate", TAG.sequence);
  const fields = readElements(body.content);
  // The version is left out when it is 1.
  const [, , , , subject, publicKey] = fields[0]?.tag === constructedContextTag(0) ? fields.slice(1) : fields;
  if (subject?.tag !== TAG.sequence || publicKey?.tag !== TAG.sequence) {
    throw new DecodeError("TBSCertificate", 0, "it has no subject or no public key");
  }
  const list = fields.find(({ tag }) => tag === constructedContextTag(3));
  const written = list === undefined ? undefined : findKeyIdentifier(list.content);
  // Whoever made the authority may have had another method of naming its key.
  return { subject: subject.bytes, keyIdentifier: written ?? keyIdentifier(publicKey.bytes) };
}

function findKeyIdentifier(extensionList: Buffer): Buffer | undefined {
  for (const one of readElements(only(readElements(extensionList), "Extensions", TAG.sequence).content)) {
    const parts = readElements(one.content);
    if (parts[0]?.bytes.equals(OID.subjectKeyIdentifier) !== true) continue;
    const value = readElements(parts.at(-1)?.content ?? Buffer.alloc(0));
    return only(value, "SubjectKeyIdentifier", TAG.octetString).content;
  }
  return undefined;
}

function only(elements: readonly DerElement[], what: string, tag: number): DerElement {
  const [first] = elements;
  if (elements.length !== 1 || first?.tag !== tag) throw new DecodeError(what, 0, "it is not one element of its type");
  return first;
}

function extensions({ usage, publicKey, authorityKeyIdentifier, serverNames }: CertificateBody): readonly Buffer[] {
  return [
    ...usageExtensions(usage),
    extension(OID.subjectKeyIdentifier, octetString(keyIdentifier(publicKey))),
    ...(authorityKeyIdentifier === undefined
      ? []
      : [extension(OID.authorityKeyIdentifier, sequence(element(contextTag(0), authorityKeyIdentifier)))]),
    ...(serverNames.length === 0 ? [] : [extension(OID.subjectAltName, sequence(...serverNames.map(generalName)))]),
  ];
}

function usageExtensions(usage: CertificateUsage): readonly Buffer[] {
  if (usage === "authority") {
    return [
      criticalExtension(OID.basicConstraints, sequence(booleanTrue())),
      criticalExtension(OID.keyUsage, namedBits(DIGITAL_SIGNATURE, KEY_CERT_SIGN, CRL_SIGN)),
    ];
  }
  const purposes = {
    server: [OID.serverAuth],
    client: [OID.clientAuth],
    serverAndClient: [OID.serverAuth, OID.clientAuth],
  }[usage];
  return [
    criticalExtension(OID.basicConstraints, sequence()),
    criticalExtension(OID.keyUsage, namedBits(DIGITAL_SIGNATURE)),
    extension(OID.extKeyUsage, sequence(...purposes)),
  ];
}

function extension(type: Buffer, value: Uint8Array): Buffer {
  return sequence(type, octetString(value));
}

function criticalExtension(type: Buffer, value: Uint8Array): Buffer {
  return sequence(type, booleanTrue(), octetString(value));
}

/** [2] dNSName or [7] iPAddress. */
function generalName(name: string): Buffer {
  if (isAddress(name)) return element(contextTag(7), addressBytes(parseAddress(name)));
  if (!/^[\w*.-]+$/.test(name)) {
    throw new Error(
      `Cannot make a certificate for server name ${JSON.stringify(name)}: it is neither an address nor a DNS name (ASCII letters, digits, "-", "_", "." and "*")`,
    );
  }
  return element(contextTag(2), Buffer.from(name, "latin1"));
}
