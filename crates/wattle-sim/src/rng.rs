//! The only source of chance: xoshiro256**, seeded by splitmix64 (Blackman and Vigna, public domain).

use std::ops::RangeInclusive;

/// A stream of numbers that depends on nothing but its seed.
#[derive(Clone, Debug)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// A stream for a seed and a purpose, so that taking away one use does not shift the others.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut mixed = fnv1a(purpose.as_bytes()) ^ seed;
        Self { state: std::array::from_fn(|_| splitmix64(&mut mixed)) }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number within a range. The bias of the remainder is below one in 2^40 for the ranges used here.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let span = range.end().saturating_sub(*range.start()).saturating_add(1);
        range.start() + self.bits() % span.max(1)
    }

    /// Whether something happens that happens so many times in a thousand.
    pub fn permille(&mut self, chance: u64) -> bool {
        self.within(0..=999) < chance
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let last = from.len().checked_sub(1)?;
        from.get(usize::try_from(self.within(0..=last as u64)).unwrap_or(0))
    }

    /// Fresh bytes, for keys, nonces and ids.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.bits().to_be_bytes()[0])
    }
}

/// A hash for traces and purposes: FNV-1a, 64 bits.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
