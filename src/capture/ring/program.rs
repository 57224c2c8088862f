//! Classic BPF, written down with labels instead of distances (McCanne and Jacobson 1993; Linux
//! Documentation/networking/filter.rst). Only what our two programs need.
//!
//! A load beyond the end of a packet ends a program with 0, which drops the packet: whoever writes
//! one asks for the length first ([`Program::need`]).
#![forbid(unsafe_code)]

/// An instruction, `struct sock_filter`.
pub(super) type Instruction = libc::sock_filter;

/// Where a jump goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct JumpLabel(usize);

/// Most instructions that the kernel takes (`BPF_MAXINSNS`).
pub(super) const MOST: usize = 4096;

// linux/bpf_common.h; libc has them as u32.
const LD: u16 = 0x00;
const LDX: u16 = 0x01;
const ALU: u16 = 0x04;
const JMP: u16 = 0x05;
const RET: u16 = 0x06;
const MISC: u16 = 0x07;
const WORD: u16 = 0x00;
const HALF: u16 = 0x08;
const OCTET: u16 = 0x10;
const IMMEDIATE: u16 = 0x00;
const ABSOLUTE: u16 = 0x20;
const BEHIND_X: u16 = 0x40;
const LENGTH: u16 = 0x80;
const ADD: u16 = 0x00;
const SUBTRACT: u16 = 0x10;
const MULTIPLY: u16 = 0x20;
const AND: u16 = 0x50;
const SHIFT_LEFT: u16 = 0x60;
const SHIFT_RIGHT: u16 = 0x70;
const XOR: u16 = 0xa0;
const BY_X: u16 = 0x08;
const ALWAYS: u16 = 0x00;
const EQUAL: u16 = 0x10;
const AT_LEAST: u16 = 0x30;
const AT_LEAST_X: u16 = AT_LEAST | BY_X;
const ANY_BIT: u16 = 0x40;
const ACCUMULATOR: u16 = 0x10;
const TO_X: u16 = 0x00;
const FROM_X: u16 = 0x80;

/// A program as it is written, front to back.
#[derive(Debug, Default)]
pub(super) struct Program {
    code: Vec<Instruction>,
    /// Where each label stands, once it does.
    places: Vec<Option<usize>>,
    /// Unconditional jumps and where they go.
    jumps: Vec<(usize, JumpLabel)>,
}

impl Program {
    /// A label that is still to be placed.
    pub(super) fn label(&mut self) -> JumpLabel {
        self.places.push(None);
        JumpLabel(self.places.len() - 1)
    }

    /// The next instruction is what the label means.
    pub(super) fn place(&mut self, label: JumpLabel) {
        let here = self.code.len();
        if let Some(place) = self.places.get_mut(label.0) {
            *place = Some(here);
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
    pub(super) fn stand_at(&mut self, k: u32) {
        self.push(LDX | IMMEDIATE, k);
    }

    /// X += k.
    pub(super) fn step(&mut self, k: u32) {
        self.push(MISC | FROM_X, 0);
        self.push(ALU | ADD, k);
        self.push(MISC | TO_X, 0);
    }

    /// X += A.
    pub(super) fn step_by_a(&mut self) {
        self.push(ALU | ADD | BY_X, 0);
        self.push(MISC | TO_X, 0);
    }

    /// A = the octet k behind X.
    pub(super) fn octet(&mut self, k: u32) {
        self.push(LD | OCTET | BEHIND_X, k);
    }

    /// A = the two octets k behind X, in network order.
    pub(super) fn half(&mut self, k: u32) {
        self.push(LD | HALF | BEHIND_X, k);
    }

    /// A = the octet at an offset.
    pub(super) fn octet_at(&mut self, offset: u32) {
        self.push(LD | OCTET | ABSOLUTE, offset);
    }

    /// A = the two octets at an offset, in network order.
    pub(super) fn half_at(&mut self, offset: u32) {
        self.push(LD | HALF | ABSOLUTE, offset);
    }

    /// A = the four octets at an offset, in network order.
    pub(super) fn word_at(&mut self, offset: u32) {
        self.push(LD | WORD | ABSOLUTE, offset);
    }

    /// A ^= the four octets at an offset.
    pub(super) fn xor_word_at(&mut self, offset: u32) {
        self.push(MISC | TO_X, 0);
        self.word_at(offset);
        self.push(ALU | XOR | BY_X, 0);
    }

    /// A = A · k modulo 2^32.
    pub(super) fn multiply(&mut self, k: u32) {
        self.push(ALU | MULTIPLY, k);
    }

    /// A &= k.
    pub(super) fn and(&mut self, k: u32) {
        self.push(ALU | AND, k);
    }

    /// A <<= k.
    pub(super) fn shift_left(&mut self, k: u32) {
        self.push(ALU | SHIFT_LEFT, k);
    }

    /// A >>= k.
    pub(super) fn shift_right(&mut self, k: u32) {
        self.push(ALU | SHIFT_RIGHT, k);
    }

    /// The answer is A + X + k.
    pub(super) fn answer_behind(&mut self, k: u32) {
        self.push(ALU | ADD | BY_X, 0);
        self.push(ALU | ADD, k);
        self.answer();
    }

    /// The answer is X + k.
    pub(super) fn answer_at(&mut self, k: u32) {
        self.push(LD | IMMEDIATE, 0);
        self.answer_behind(k);
    }

    /// The answer is A.
    pub(super) fn answer(&mut self) {
        self.push(RET | ACCUMULATOR, 0);
    }

    /// The answer is k.
    pub(super) fn answer_with(&mut self, k: u32) {
        self.push(RET, k);
    }

    /// Goes to a label.
    pub(super) fn go(&mut self, to: JumpLabel) {
        self.jumps.push((self.code.len(), to));
        self.push(JMP | ALWAYS, 0);
    }

    /// Goes to a label if A is k.
    pub(super) fn if_equal(&mut self, k: u32, to: JumpLabel) {
        self.unless(EQUAL, k, to, true);
    }

    /// Goes to a label unless A is k.
    pub(super) fn if_not(&mut self, k: u32, to: JumpLabel) {
        self.unless(EQUAL, k, to, false);
    }

    /// Goes to a label if A is k or more.
    pub(super) fn if_at_least(&mut self, k: u32, to: JumpLabel) {
        self.unless(AT_LEAST, k, to, true);
    }

    /// Goes to a label if A has any of these bits.
    pub(super) fn if_any(&mut self, bits: u32, to: JumpLabel) {
        self.unless(ANY_BIT, bits, to, true);
    }

    /// Goes to a label unless there are so many octets behind X, which stands inside the packet or
    /// at its end. A is their number then.
    pub(super) fn need(&mut self, octets: u32, to: JumpLabel) {
        self.push(LD | WORD | LENGTH, 0);
        self.push(ALU | SUBTRACT | BY_X, 0);
        self.unless(AT_LEAST, octets, to, false);
    }

    /// As [`Self::need`], where X may stand behind the end of the packet: a header that says how
    /// long it is has moved it.
    pub(super) fn need_here(&mut self, octets: u32, to: JumpLabel) {
        self.push(LD | WORD | LENGTH, 0);
        self.unless(AT_LEAST_X, 0, to, false);
        self.need(octets, to);
    }

    /// A conditional jump reaches 255 instructions at most, an unconditional one any: so each
    /// condition only steps over a jump.
    fn unless(&mut self, condition: u16, k: u32, to: JumpLabel, when: bool) {
        let (jt, jf) = if when { (0, 1) } else { (1, 0) };
        self.code.push(Instruction {
            code: JMP | condition,
            jt,
            jf,
            k,
        });
        self.go(to);
    }

    /// The program with its jumps; `None` if it is longer than the kernel takes, or a label stands
    /// nowhere or behind a jump to it.
    pub(super) fn finish(mut self) -> Option<Vec<Instruction>> {
        for (at, label) in self.jumps {
            let place = (*self.places.get(label.0)?)?;
            let distance = place.checked_sub(at + 1)?;
            self.code.get_mut(at)?.k = u32::try_from(distance).ok()?;
        }
        (self.code.len() <= MOST).then_some(self.code)
    }
}
