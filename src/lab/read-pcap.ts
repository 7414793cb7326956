/**
 * Packets of a file that tcpdump wrote. Only what it writes by default: Ethernet, in this machine's byte order.
 * Source: pcap-savefile(5).
 */
const HEADER_BYTES = 24;
const RECORD_BYTES = 16;
/** Times in microseconds, and in nanoseconds. */
const MAGICS = [0xa1b2c3d4, 0xa1b23c4d];
const LINKTYPE_ETHERNET = 1;

/** Ethernet frames; what was cut off at the end of the file is left out. Throws for other files. */
export function readPcap(file: Buffer): readonly Buffer[] {
  if (file.length < HEADER_BYTES || !MAGICS.includes(file.readUInt32LE(0)))
    throw new Error("it is no capture file of tcpdump");
  if (file.readUInt32LE(20) !== LINKTYPE_ETHERNET) throw new Error("it was not captured on an Ethernet link");
  const frames: Buffer[] = [];
  for (let at = HEADER_BYTES; at + RECORD_BYTES <= file.length; ) {
    const end = at + RECORD_BYTES + file.readUInt32LE(at + 8);
    if (end > file.length) break;
    frames.push(file.subarray(at + RECORD_BYTES, end));
    at = end;
  }
  return frames;
}
