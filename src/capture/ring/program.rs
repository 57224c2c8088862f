//! An assembler for classic BPF, with labels as jump targets (McCanne and Jacobson 1993; Linux
//! Documentation/networking/filter.rst). It has the instructions that our two programs use.
//!
//! A load beyond the end of the packet returns 0, which drops the packet. So a program must check the
//! length first ([`Program::require`]).
#![forbid(unsafe_code)]

/// An instruction, `struct sock_filter`.
pub(super) type Instruction = libc::sock_filter;

/// The target of a jump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct JumpLabel(usize);

/// Most instructions that the kernel accepts (`BPF_MAXINSNS`).
pub(super) const MAX_INSTRUCTIONS: usize = 4096;

// linux/bpf_common.h, without the prefix `BPF_`; libc has them as u32.
const LD: u16 = 0x00;
const LDX: u16 = 0x01;
const ALU: u16 = 0x04;
const JMP: u16 = 0x05;
const RET: u16 = 0x06;
const MISC: u16 = 0x07;
const W: u16 = 0x00;
const H: u16 = 0x08;
const B: u16 = 0x10;
const IMM: u16 = 0x00;
const ABS: u16 = 0x20;
const IND: u16 = 0x40;
const LEN: u16 = 0x80;
const ADD: u16 = 0x00;
const SUB: u16 = 0x10;
const MUL: u16 = 0x20;
const AND: u16 = 0x50;
const LSH: u16 = 0x60;
const RSH: u16 = 0x70;
const XOR: u16 = 0xa0;
const JA: u16 = 0x00;
const JEQ: u16 = 0x10;
const JGE: u16 = 0x30;
const JSET: u16 = 0x40;
const X: u16 = 0x08;
const A: u16 = 0x10;
const TAX: u16 = 0x00;
const TXA: u16 = 0x80;

/// A program under construction. A is the accumulator, X the index register.
#[derive(Debug, Default)]
pub(super) struct Program {
    code: Vec<Instruction>,
    /// Position of each label; `None` until it is bound.
    labels: Vec<Option<usize>>,
    /// Position and target of each unconditional jump.
    jumps: Vec<(usize, JumpLabel)>,
}

impl Program {
    /// A new label, not bound yet.
    pub(super) fn label(&mut self) -> JumpLabel {
        self.labels.push(None);
        JumpLabel(self.labels.len() - 1)
    }

    /// Binds a label to the next instruction.
    pub(super) fn bind(&mut self, label: JumpLabel) {
        let next = self.code.len();
        if let Some(position) = self.labels.get_mut(label.0) {
            *position = Some(next);
        }
    }

    fn push(&mut self, code: u16, k: u32) {
        self.code.push(Instruction {
            code,
            jt: 0,
            jf: 0,
            k,
        });
    }

    /// X = k.
    pub(super) fn load_x(&mut self, k: u32) {
        self.push(LDX | IMM, k);
    }

    /// X += k.
    pub(super) fn add_to_x(&mut self, k: u32) {
        self.push(MISC | TXA, 0);
        self.push(ALU | ADD, k);
        self.push(MISC | TAX, 0);
    }

    /// X += A.
    pub(super) fn add_a_to_x(&mut self) {
        self.push(ALU | ADD | X, 0);
        self.push(MISC | TAX, 0);
    }

    /// A = the octet at X + k.
    pub(super) fn load_byte(&mut self, k: u32) {
        self.push(LD | B | IND, k);
    }

    /// A = the half-word at X + k, in network order.
    pub(super) fn load_half(&mut self, k: u32) {
        self.push(LD | H | IND, k);
    }

    /// A = the octet at an absolute offset.
    pub(super) fn load_byte_at(&mut self, offset: u32) {
        self.push(LD | B | ABS, offset);
    }

    /// A = the half-word at an absolute offset, in network order.
    pub(super) fn load_half_at(&mut self, offset: u32) {
        self.push(LD | H | ABS, offset);
    }

    /// A = the word at an absolute offset, in network order.
    pub(super) fn load_word_at(&mut self, offset: u32) {
        self.push(LD | W | ABS, offset);
    }

    /// A ^= the word at an absolute offset, in network order. Changes X.
    pub(super) fn xor_word_at(&mut self, offset: u32) {
        self.push(MISC | TAX, 0);
        self.load_word_at(offset);
        self.push(ALU | XOR | X, 0);
    }

    /// A = A · k modulo 2^32.
    pub(super) fn multiply(&mut self, k: u32) {
        self.push(ALU | MUL, k);
    }

    /// A &= k.
    pub(super) fn and(&mut self, k: u32) {
        self.push(ALU | AND, k);
    }

    /// A <<= k.
    pub(super) fn shift_left(&mut self, k: u32) {
        self.push(ALU | LSH, k);
    }

    /// A >>= k.
    pub(super) fn shift_right(&mut self, k: u32) {
        self.push(ALU | RSH, k);
    }

    /// Returns A + X + k.
    pub(super) fn return_a_plus_x_plus(&mut self, k: u32) {
        self.push(ALU | ADD | X, 0);
        self.push(ALU | ADD, k);
        self.return_a();
    }

    /// Returns X + k.
    pub(super) fn return_x_plus(&mut self, k: u32) {
        self.push(LD | IMM, 0);
        self.return_a_plus_x_plus(k);
    }

    /// Returns A.
    pub(super) fn return_a(&mut self) {
        self.push(RET | A, 0);
    }

    /// Returns k.
    pub(super) fn return_k(&mut self, k: u32) {
        self.push(RET, k);
    }

    /// Jumps to a label.
    pub(super) fn jump(&mut self, to: JumpLabel) {
        self.jumps.push((self.code.len(), to));
        self.push(JMP | JA, 0);
    }

    /// Jumps if A = k.
    pub(super) fn jump_if_equal(&mut self, k: u32, to: JumpLabel) {
        self.jump_when(JEQ, k, to, true);
    }

    /// Jumps if A ≠ k.
    pub(super) fn jump_if_not_equal(&mut self, k: u32, to: JumpLabel) {
        self.jump_when(JEQ, k, to, false);
    }

    /// Jumps if A ≥ k.
    pub(super) fn jump_if_at_least(&mut self, k: u32, to: JumpLabel) {
        self.jump_when(JGE, k, to, true);
    }

    /// Jumps if A has any of these bits set.
    pub(super) fn jump_if_any_bit(&mut self, bits: u32, to: JumpLabel) {
        self.jump_when(JSET, bits, to, true);
    }

    /// Jumps unless at least `octets` follow X. X must not be beyond the end of the packet. A is then the
    /// number of octets behind X.
    pub(super) fn require(&mut self, octets: u32, to: JumpLabel) {
        self.push(LD | W | LEN, 0);
        self.push(ALU | SUB | X, 0);
        self.jump_when(JGE, octets, to, false);
    }

    /// As [`Self::require`], but X may be beyond the end of the packet, after a header with a length field.
    pub(super) fn require_at_any_x(&mut self, octets: u32, to: JumpLabel) {
        self.push(LD | W | LEN, 0);
        self.jump_when(JGE | X, 0, to, false);
        self.require(octets, to);
    }

    /// Jumps if the condition equals `when`. A conditional jump reaches only 255 instructions, so it skips
    /// over an unconditional jump, which has no such limit.
    fn jump_when(&mut self, condition: u16, k: u32, to: JumpLabel, when: bool) {
        let (jt, jf) = if when { (0, 1) } else { (1, 0) };
        self.code.push(Instruction {
            code: JMP | condition,
            jt,
            jf,
            k,
        });
        self.jump(to);
    }

    /// The assembled program; `None` if it exceeds [`MAX_INSTRUCTIONS`], or if a label is not bound or
    /// precedes a jump to it: classic BPF jumps forward only.
    pub(super) fn assemble(mut self) -> Option<Vec<Instruction>> {
        for (at, label) in self.jumps {
            let target = (*self.labels.get(label.0)?)?;
            let distance = target.checked_sub(at + 1)?;
            self.code.get_mut(at)?.k = u32::try_from(distance).ok()?;
        }
        (self.code.len() <= MAX_INSTRUCTIONS).then_some(self.code)
    }
}
