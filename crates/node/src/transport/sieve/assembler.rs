//! Writes programs for the kernel's BPF machine (RFC 9669), by hand and with labels.
//!
//! Only what [`super::program`] needs. Knows nothing of what a program is for. Jumps lead forward
//! only, so every program ends.

use std::os::fd::{AsRawFd, BorrowedFd};

/// A register. A call leaves its result in R0, takes arguments from R1 on and forgets R1 to R5;
/// R10 points to the end of 512 octets of stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Register {
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
}

/// What a jump asks of a register and a number; the numbers are unsigned unless it says otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) enum Condition {
    Equal = 0x10,
    Greater = 0x20,
    NotEqual = 0x50,
    SignedLess = 0xc0,
}

/// Arithmetic on 64 bits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    Add = 0x00,
    Multiply = 0x20,
    And = 0x50,
    ShiftLeft = 0x60,
    ShiftRight = 0x70,
    Xor = 0xa0,
    Move = 0xb0,
}

/// How much a load takes from memory; the rest of the register becomes zero.
#[derive(Clone, Copy, Debug)]
pub(super) enum Size {
    Octet = 0x10,
    Word = 0x00,
    Double = 0x18,
}

/// Functions of the kernel, by their numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Helper {
    /// `bpf_ktime_get_ns()`: `CLOCK_MONOTONIC` in nanoseconds.
    Now = 5,
    /// `bpf_get_prandom_u32()`.
    Random = 7,
    /// `bpf_skb_load_bytes(packet, offset, to, octets)`: 0, or negative beyond the end.
    LoadOctets = 26,
    /// `bpf_skb_load_bytes_relative(packet, offset, to, octets, start)`: the same from the start
    /// of the network header if `start` is 1.
    LoadOctetsRelative = 68,
}

/// A place in the program that jumps can lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(usize);

/// A program that grows.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    instructions: Vec<Instruction>,
    labels: Vec<Option<usize>>,
}

#[derive(Clone, Copy, Debug)]
struct Instruction {
    code: u8,
    to: u8,
    from: u8,
    offset: i16,
    number: i32,
    target: Option<Label>,
}

/// Instruction classes and modes of RFC 9669 section 3.
const LOAD_NUMBER: u8 = 0x18;
const LOAD: u8 = 0x61;
const ATOMIC_DOUBLE: u8 = 0xdb;
const ARITHMETIC: u8 = 0x07;
const MOVE_32: u8 = 0xb4;
const JUMP: u8 = 0x05;
const JUMP_32: u8 = 0x06;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
/// The operand is a register instead of a number.
const REGISTER: u8 = 0x08;
/// The number to load is the address of a map's value (RFC 9669 section 5.4).
const MAP_VALUE: u8 = 2;

impl Assembler {
    /// A label that [`Assembler::place`] puts somewhere later.
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Here is `label`.
    pub(super) fn place(&mut self, label: Label) {
        self.labels[label.0] = Some(self.instructions.len());
    }

    /// `to` = 64 bits of a constant.
    pub(super) fn load_number(&mut self, to: Register, number: u64) {
        self.load_wide(to, 0, number as u32, (number >> 32) as u32);
    }

    /// `to` = the address of an octet in the first value of a map.
    pub(super) fn load_address(&mut self, to: Register, map: BorrowedFd<'_>, offset: u32) {
        self.load_wide(to, MAP_VALUE, map.as_raw_fd().cast_unsigned(), offset);
    }

    fn load_wide(&mut self, to: Register, kind: u8, low: u32, high: u32) {
        self.push(LOAD_NUMBER, to as u8, kind, 0, low.cast_signed());
        self.push(0, 0, 0, 0, high.cast_signed());
    }

    /// `to` = memory at `from` + `offset`.
    pub(super) fn load(&mut self, size: Size, to: Register, from: Register, offset: i16) {
        self.push(LOAD | size as u8, to as u8, from as u8, offset, 0);
    }

    /// Adds `from` to the 64 bits at `to` + `offset`, in one step for all cores.
    pub(super) fn atomic_add(&mut self, to: Register, offset: i16, from: Register) {
        self.push(ATOMIC_DOUBLE, to as u8, from as u8, offset, 0);
    }

    /// `to` = `to` operation `number`.
    pub(super) fn compute(&mut self, operation: Operation, to: Register, number: i32) {
        self.push(ARITHMETIC | operation as u8, to as u8, 0, 0, number);
    }

    /// `to` = `to` operation `from`.
    pub(super) fn combine(&mut self, operation: Operation, to: Register, from: Register) {
        let code = ARITHMETIC | REGISTER | operation as u8;
        self.push(code, to as u8, from as u8, 0, 0);
    }

    /// `to` = the lower 32 bits of `from`.
    pub(super) fn take_low(&mut self, to: Register, from: Register) {
        self.push(MOVE_32 | REGISTER, to as u8, from as u8, 0, 0);
    }

    /// Calls a function of the kernel.
    pub(super) fn call(&mut self, helper: Helper) {
        self.push(CALL, 0, 0, 0, helper as i32);
    }

    /// Goes on at `target`.
    pub(super) fn jump(&mut self, target: Label) {
        self.jump_by(JUMP, 0, 0, 0, target);
    }

    /// Goes on at `target` if 64 bits of `left` fulfil the condition.
    pub(super) fn jump_if(
        &mut self,
        left: Register,
        condition: Condition,
        number: i32,
        target: Label,
    ) {
        self.jump_by(JUMP | condition as u8, left as u8, 0, number, target);
    }

    /// The same for the lower 32 bits.
    pub(super) fn jump_if_low(
        &mut self,
        left: Register,
        condition: Condition,
        number: i32,
        target: Label,
    ) {
        self.jump_by(JUMP_32 | condition as u8, left as u8, 0, number, target);
    }

    /// The same for 64 bits of two registers.
    pub(super) fn jump_if_both(
        &mut self,
        left: Register,
        condition: Condition,
        right: Register,
        target: Label,
    ) {
        let code = JUMP | REGISTER | condition as u8;
        self.jump_by(code, left as u8, right as u8, 0, target);
    }

    /// Ends the program with R0 as its result.
    pub(super) fn exit(&mut self) {
        self.push(EXIT, 0, 0, 0, 0);
    }

    /// The program as the kernel takes it.
    pub(super) fn finish(self) -> Vec<u64> {
        let labels = &self.labels;
        let encode = |(index, instruction): (usize, &Instruction)| {
            let offset = match instruction.target {
                None => instruction.offset,
                Some(Label(label)) => {
                    let place = labels[label].expect("every label that is jumped to is placed");
                    let distance = place.checked_sub(index + 1);
                    let distance = distance.expect("jumps lead forward");
                    i16::try_from(distance).expect("programs are short")
                }
            };
            instruction.encode(offset)
        };
        self.instructions.iter().enumerate().map(encode).collect()
    }

    fn jump_by(&mut self, code: u8, to: u8, from: u8, number: i32, target: Label) {
        self.push(code, to, from, 0, number);
        if let Some(jump) = self.instructions.last_mut() {
            jump.target = Some(target);
        }
    }

    fn push(&mut self, code: u8, to: u8, from: u8, offset: i16, number: i32) {
        self.instructions.push(Instruction {
            code,
            to,
            from,
            offset,
            number,
            target: None,
        });
    }
}

impl Instruction {
    /// code 8, registers 4 + 4, offset 16, number 32 bits, in the order of the machine (RFC 9669
    /// section 3).
    fn encode(self, offset: i16) -> u64 {
        let registers = if cfg!(target_endian = "little") {
            self.from << 4 | self.to
        } else {
            self.to << 4 | self.from
        };
        let [a, b] = offset.to_ne_bytes();
        let [c, d, e, f] = self.number.to_ne_bytes();
        u64::from_ne_bytes([self.code, registers, a, b, c, d, e, f])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The octets of the program as a machine of the least significant octet first has them.
    fn check(write: impl FnOnce(&mut Assembler), expected: &[u64]) {
        let mut assembler = Assembler::default();
        write(&mut assembler);
        if cfg!(target_endian = "little") {
            assert_eq!(assembler.finish(), expected);
        }
    }

    #[test]
    fn a_jump_counts_from_the_instruction_behind_it() {
        check(
            |a| {
                let end = a.label();
                a.jump_if(Register::R1, Condition::NotEqual, -1, end);
                a.load_number(Register::R2, 0x1122_3344_5566_7788);
                a.jump(end);
                a.place(end);
                a.exit();
            },
            &[
                0xffff_ffff_0003_0155,
                0x5566_7788_0000_0218,
                0x1122_3344_0000_0000,
                0x0000_0000_0000_0005,
                0x0000_0000_0000_0095,
            ],
        );
    }

    #[test]
    fn operands_stand_where_the_machine_looks_for_them() {
        check(
            |a| {
                a.load(Size::Word, Register::R1, Register::R10, -8);
                a.atomic_add(Register::R7, 16, Register::R1);
                a.combine(Operation::Xor, Register::R1, Register::R2);
                a.take_low(Register::R3, Register::R1);
                a.call(Helper::Random);
            },
            &[
                0x0000_0000_fff8_a161,
                0x0000_0000_0010_17db,
                0x0000_0000_0000_21af,
                0x0000_0000_0000_13bc,
                0x0000_0007_0000_0085,
            ],
        );
    }
}
