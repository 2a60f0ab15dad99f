//! `random` and `shuffle` with a seed: the same choice each time, and the one that Python makes of it.

use minijinja::{Error, State, value::Value};
use sha2::{Digest as _, Sha512};

use super::super::{
    arguments::Arguments,
    container::{self},
    parts::items,
    python,
    word::Word,
    wrong,
};

pub(super) const FILTERS: &[Word] = &[
    Word::new(
        &["random"],
        "one of the items, or a number below this one; with `seed`, without it, each run would give another result",
        random,
    ),
    Word::new(&["shuffle"], "the items in random order; with `seed`", |_, value, mut args| {
        let seed = args.optional("seed").filter(|it| !it.is_none());
        args.end()?;
        let mut chance = Chance::of(seed.as_ref(), "shuffle")?;
        let mut items = items(value)?;
        for at in (1..items.len()).rev() {
            items.swap(at, chance.below(at as u64 + 1) as usize);
        }
        Ok(container::list(items))
    }),
];

fn random(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let start = args.optional("start").filter(|it| !it.is_none());
    let step = args.optional("step").filter(|it| !it.is_none());
    let seed = args.optional("seed").filter(|it| !it.is_none());
    args.end()?;
    let mut chance = Chance::of(seed.as_ref(), "random")?;
    if value.is_integer() {
        let whole = |value: Option<Value>, default| value.map_or(Some(default), |it| it.as_i64());
        let numbers = (value.as_i64(), whole(start, 0), whole(step, 1));
        let (Some(end), Some(start), Some(step @ 1..)) = numbers else {
            return Err(wrong("`start` and `step` of `random` are numbers, `step` above 0"));
        };
        if end <= start {
            return Err(wrong("the range is empty"));
        }
        let count = (end - start).unsigned_abs().div_ceil(step.unsigned_abs());
        return Ok(Value::from(start + step * chance.below(count) as i64));
    }
    let items = items(value)?;
    match items.len() {
        0 => Ok(Value::UNDEFINED),
        count => Ok(items[chance.below(count as u64) as usize].clone()),
    }
}

/// The Mersenne Twister, seeded as Python does.
struct Chance {
    state: [u32; 624],
    at: usize,
}

impl Chance {
    fn of(seed: Option<&Value>, what: &str) -> Result<Self, Error> {
        let Some(seed) = seed else {
            return Err(wrong(format!(
                "`{what}` without a seed gives another result in each run: write `{what}(seed=inventory_hostname)`"
            )));
        };
        let key = match seed.as_i64().filter(|_| seed.is_integer()) {
            Some(number) => {
                let number = number.unsigned_abs();
                vec![number as u32, (number >> 32) as u32]
            }
            None => {
                // The bytes of the text and of its digest, as one number.
                let text = python::text(seed);
                let digest = Sha512::digest(text.as_bytes());
                let bytes: Vec<u8> = text.bytes().chain(digest).rev().collect();
                let word = |bytes: &[u8]| {
                    bytes.iter().rev().fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
                };
                bytes.chunks(4).map(word).collect()
            }
        };
        let used = key.iter().rposition(|word| *word != 0).map_or(1, |last| last + 1);
        Ok(Self::seeded(&key[..used]))
    }

    fn seeded(key: &[u32]) -> Self {
        let mut state = [0_u32; 624];
        state[0] = 19_650_218;
        let mixed = |before: u32, by: u32| (before ^ before >> 30).wrapping_mul(by);
        for at in 1..624 {
            state[at] = mixed(state[at - 1], 1_812_433_253).wrapping_add(at as u32);
        }
        let (mut at, mut of) = (1, 0);
        for _ in 0..key.len().max(624) {
            state[at] = (state[at] ^ mixed(state[at - 1], 1_664_525))
                .wrapping_add(key[of])
                .wrapping_add(of as u32);
            at += 1;
            of = (of + 1) % key.len();
            if at == 624 {
                state[0] = state[623];
                at = 1;
            }
        }
        for _ in 0..623 {
            state[at] = (state[at] ^ mixed(state[at - 1], 1_566_083_941)).wrapping_sub(at as u32);
            at += 1;
            if at == 624 {
                state[0] = state[623];
                at = 1;
            }
        }
        state[0] = 0x8000_0000;
        Self { state, at: 624 }
    }

    fn next(&mut self) -> u32 {
        if self.at == 624 {
            for at in 0..624 {
                let word = self.state[at] & 0x8000_0000 | self.state[(at + 1) % 624] & 0x7fff_ffff;
                let odd = if word & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[at] = self.state[(at + 397) % 624] ^ word >> 1 ^ odd;
            }
            self.at = 0;
        }
        let mut word = self.state[self.at];
        self.at += 1;
        word ^= word >> 11;
        word ^= word << 7 & 0x9d2c_5680;
        word ^= word << 15 & 0xefc6_0000;
        word ^ word >> 18
    }

    /// A number below another one, which is above 0.
    fn below(&mut self, end: u64) -> u64 {
        let bits = 64 - end.leading_zeros();
        loop {
            let number = match bits {
                0..=32 => u64::from(self.next() >> (32 - bits)),
                _ => {
                    let low = u64::from(self.next());
                    low | u64::from(self.next() >> (64 - bits)) << 32
                }
            };
            if number < end {
                return number;
            }
        }
    }
}
