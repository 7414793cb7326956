/** Records as the zone gives them: in the shapes that dns-packet encodes. Names are in lower case, without a last dot. */

export interface AliasRecord {
  readonly name: string;
  readonly type: "CNAME";
  readonly data: string;
}

export type ZoneRecord =
  | AliasRecord
  | { readonly name: string; readonly type: "A" | "AAAA" | "NS" | "PTR" | "TXT"; readonly data: string }
  | { readonly name: string; readonly type: "SRV"; readonly data: SrvData }
  | { readonly name: string; readonly type: "SOA"; readonly data: SoaData }
  | { readonly name: string; readonly type: "HINFO"; readonly data: { readonly cpu: string; readonly os: string } };

export interface SrvData {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

export interface SoaData {
  readonly mname: string;
  readonly rname: string;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

/** Becomes false, once, when what was derived from it may be other. */
export interface Validity {
  valid: boolean;
}

export interface ZoneAnswer {
  /** Whether there is such a name; without answers it has no records of the type. */
  readonly exists: boolean;
  readonly answers: readonly ZoneRecord[];
  readonly additional: readonly ZoneRecord[];
  /** Of the zone that the negative answer is about. */
  readonly soa: ZoneRecord | undefined;
  /** Name outside of the zone that an alias leads to. */
  readonly leadsTo?: string | undefined;
  /** Absent: not to be kept. */
  readonly validity?: Validity | undefined;
}
