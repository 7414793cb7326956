/**
 * The pause program: it waits for signals, reaps children, and ends on SIGINT or SIGTERM. It holds a pod's namespaces
 * open as the sandbox container, and is process 1 of a node. A static ELF file of some two hundred bytes, assembled
 * here, so that no C compiler is needed. Sources: elf(5); sigtimedwait(2), wait4(2); asm-generic/signal.h.
 */

/** Machine code in order: bytes, a place to jump to, or a jump with an 8-bit distance. */
type Instruction =
  | { readonly hex: string }
  | { readonly label: string }
  | { readonly jump: "je" | "jne" | "jg" | "jmp"; readonly to: string };

const JUMP_OPCODE = { je: 0x74, jne: 0x75, jg: 0x7f, jmp: 0xeb } as const;

/** x86-64; system call numbers from asm/unistd_64.h. The stack holds the signal set, r12 its address. */
const PAUSE_X64: readonly Instruction[] = [
  { hex: "6aff" }, //          push -1              all signals
  { hex: "4989e4" }, //        mov r12, rsp
  { hex: "31ff" }, //          xor edi, edi         SIG_BLOCK
  { hex: "4c89e6" }, //        mov rsi, r12
  { hex: "31d2" }, //          xor edx, edx
  { hex: "41ba08000000" }, //  mov r10d, 8          size of the set
  { hex: "b80e000000" }, //    mov eax, 14          rt_sigprocmask
  { hex: "0f05" }, //          syscall
  { label: "reap" }, //        also first: children may have ended before the signals were blocked
  { hex: "6aff5f" }, //        push -1; pop rdi     any child
  { hex: "31f6" }, //          xor esi, esi
  { hex: "ba01000000" }, //    mov edx, 1           WNOHANG
  { hex: "4531d2" }, //        xor r10d, r10d
  { hex: "b83d000000" }, //    mov eax, 61          wait4
  { hex: "0f05" }, //          syscall
  { hex: "85c0" }, //          test eax, eax
  { jump: "jg", to: "reap" },
  { label: "wait" },
  { hex: "4c89e7" }, //        mov rdi, r12
  { hex: "31f6" }, //          xor esi, esi
  { hex: "31d2" }, //          xor edx, edx
  { hex: "41ba08000000" }, //  mov r10d, 8
  { hex: "b880000000" }, //    mov eax, 128         rt_sigtimedwait
  { hex: "0f05" }, //          syscall
  { hex: "83f811" }, //        cmp eax, 17          SIGCHLD
  { jump: "je", to: "reap" },
  { hex: "83f802" }, //        cmp eax, 2           SIGINT
  { jump: "je", to: "exit" },
  { hex: "83f80f" }, //        cmp eax, 15          SIGTERM
  { jump: "jne", to: "wait" },
  { label: "exit" },
  { hex: "31ff" }, //          xor edi, edi
  { hex: "b83c000000" }, //    mov eax, 60          exit
  { hex: "0f05" }, //          syscall
];

const EM_X86_64 = 62;
const LOAD_ADDRESS = 0x400000;
const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;

/** The program's file, for Node's name of an architecture (`process.arch`). */
export function pauseProgram(arch: string): Buffer {
  if (arch !== "x64") throw new Error(`Cannot make the pause program for "${arch}": only x64 is known`);
  return elfExecutable(EM_X86_64, assemble(PAUSE_X64));
}

function assemble(instructions: readonly Instruction[]): Buffer {
  const labels = new Map<string, number>();
  let length = 0;
  for (const instruction of instructions) {
    if ("label" in instruction) labels.set(instruction.label, length);
    else length += "hex" in instruction ? instruction.hex.length / 2 : 2;
  }
  const code = Buffer.alloc(length);
  let offset = 0;
  for (const instruction of instructions) {
    if ("hex" in instruction) offset += code.write(instruction.hex, offset, "hex");
    if ("jump" in instruction) {
      const target = labels.get(instruction.to);
      if (target === undefined) throw new Error(`Cannot assemble: there is no label "${instruction.to}"`);
      code.writeUInt8(JUMP_OPCODE[instruction.jump], offset);
      // The distance counts from the end of the jump.
      code.writeInt8(target - (offset + 2), offset + 1);
      offset += 2;
    }
  }
  return code;
}

/** One segment that can be read and executed, headers included. */
function elfExecutable(machine: number, code: Buffer): Buffer {
  const codeOffset = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;
  const size = codeOffset + code.length;
  const file = Buffer.alloc(size);
  file.write("7f454c46020101", "hex"); // magic, 64 bits, little-endian, version 1
  file.writeUInt16LE(2, 16); // e_type ET_EXEC
  file.writeUInt16LE(machine, 18);
  file.writeUInt32LE(1, 20); // e_version
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS + codeOffset), 24); // e_entry
  file.writeBigUInt64LE(BigInt(ELF_HEADER_BYTES), 32); // e_phoff
  file.writeUInt16LE(ELF_HEADER_BYTES, 52);
  file.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  file.writeUInt16LE(1, 56); // e_phnum
  file.writeUInt32LE(1, 64); // p_type PT_LOAD
  file.writeUInt32LE(5, 68); // p_flags: read, execute
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 80); // p_vaddr
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS), 88); // p_paddr
  file.writeBigUInt64LE(BigInt(size), 96); // p_filesz
  file.writeBigUInt64LE(BigInt(size), 104); // p_memsz
  file.writeBigUInt64LE(0x1000n, 112); // p_align
  code.copy(file, codeOffset);
  return file;
}
