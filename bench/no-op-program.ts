/**
 * The smallest program: a static ELF file whose only instruction is exit(0). What starting it costs is what the
 * benchmark's driver and the kernel add to every plugin.
 * Source: elf(5); syscall numbers of x86_64 and arm64.
 */
import { chmodSync, writeFileSync } from "node:fs";

const EXIT: Readonly<Record<string, { readonly machine: number; readonly code: readonly number[] }>> = {
  // EM_X86_64: xor edi, edi; mov eax, 60; syscall
  x64: { machine: 62, code: [0x31, 0xff, 0xb8, 0x3c, 0, 0, 0, 0x0f, 0x05] },
  // EM_AARCH64: mov x0, #0; mov x8, #93; svc #0
  arm64: { machine: 183, code: [0x00, 0x00, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4] },
};
const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const LOAD_ADDRESS = 0x400000n;

export function writeNoOpProgram(path: string): void {
  writeFileSync(path, noOpProgram(process.arch));
  chmodSync(path, 0o755);
}

function noOpProgram(arch: string): Buffer {
  const exit = EXIT[arch];
  if (exit === undefined) throw new Error(`Cannot make the no-op program: machine "${arch}" is unknown`);
  const headers = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;
  const file = Buffer.alloc(headers + exit.code.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // magic, 64 bits, little-endian, version 1
  file.writeUInt16LE(2, 16); // e_type ET_EXEC
  file.writeUInt16LE(exit.machine, 18);
  file.writeUInt32LE(1, 20); // e_version
  file.writeBigUInt64LE(LOAD_ADDRESS + BigInt(headers), 24); // e_entry
  file.writeBigUInt64LE(BigInt(ELF_HEADER_BYTES), 32); // e_phoff
  file.writeUInt16LE(ELF_HEADER_BYTES, 52);
  file.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  file.writeUInt16LE(1, 56); // e_phnum
  const segment = ELF_HEADER_BYTES;
  file.writeUInt32LE(1, segment); // p_type PT_LOAD
  file.writeUInt32LE(5, segment + 4); // p_flags: read, execute
  file.writeBigUInt64LE(LOAD_ADDRESS, segment + 16); // p_vaddr
  file.writeBigUInt64LE(LOAD_ADDRESS, segment + 24); // p_paddr
  file.writeBigUInt64LE(BigInt(file.length), segment + 32); // p_filesz
  file.writeBigUInt64LE(BigInt(file.length), segment + 40); // p_memsz
  file.writeBigUInt64LE(0x1000n, segment + 48); // p_align
  file.set(exit.code, headers);
  return file;
}
