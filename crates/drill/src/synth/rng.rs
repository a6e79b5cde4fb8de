//! The one source of chance: xoshiro256**, seeded by SplitMix64.
//!
//! Both are public domain (Blackman and Vigna, <https://prng.di.unimi.it/>) and twenty lines long, so the bytes a seed
//! gives stay ours to keep: no library upgrade can change them. Nothing here needs secrecy.

/// Deterministic generator of 64-bit words.
#[derive(Clone, Debug)]
pub(super) struct Rng {
    state: [u64; 4],
}

/// One step of SplitMix64, which spreads any seed, even zero, over all bits.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        let mut mixer = seed;
        Self { state: std::array::from_fn(|_| split_mix(&mut mixer)) }
    }

    /// A stream of its own for each value of `parts`: patients do not shift when another one draws more.
    pub(super) fn stream(seed: u64, parts: &[u64]) -> Self {
        let mut mixed = seed;
        for part in parts {
            let mut mixer = mixed ^ part.wrapping_mul(0xd6e8_feb8_6659_fd93);
            mixed = split_mix(&mut mixer);
        }
        Self::new(mixed)
    }

    pub(super) fn word(&mut self) -> u64 {
        let [_, s1, ..] = self.state;
        let result = s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        self.state[2] ^= self.state[0];
        self.state[3] ^= self.state[1];
        self.state[1] ^= self.state[2];
        self.state[0] ^= self.state[3];
        self.state[2] ^= s1 << 17;
        self.state[3] = self.state[3].rotate_left(45);
        result
    }

    /// Uniform in `0..bound`, without bias (Lemire's multiplication with rejection). `bound` is not zero.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "an empty range has no member");
        loop {
            let wide = u128::from(self.word()) * u128::from(bound);
            let low = wide as u64;
            // The first test is the cheap one and nearly always settles it.
            if low >= bound || low >= bound.wrapping_neg() % bound {
                return (wide >> 64) as u64;
            }
        }
    }

    /// Uniform in `low..=high`.
    pub(super) fn between(&mut self, low: i32, high: i32) -> i32 {
        assert!(low <= high, "the range is written low to high");
        let width = (i64::from(high) - i64::from(low) + 1) as u64;
        (i64::from(low) + self.below(width) as i64) as i32
    }

    /// True with a chance of `ppm` in a million.
    pub(super) fn chance(&mut self, ppm: u32) -> bool {
        self.below(1_000_000) < u64::from(ppm)
    }

    /// One of `items`, all alike. `items` is not empty.
    pub(super) fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// The index of one of `weights`, each as often as its weight. Their sum is not zero.
    pub(super) fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total = weights.clone().map(u64::from).sum();
        let mut left = self.below(total);
        for (index, weight) in weights.enumerate() {
            match left.checked_sub(u64::from(weight)) {
                Some(rest) => left = rest,
                None => return index,
            }
        }
        unreachable!("the draw is below the sum of the weights")
    }

    /// An identifier in the form of a version 4 UUID.
    pub(super) fn uuid(&mut self) -> String {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let high = (self.word() & !0xf000) | 0x4000;
        let low = (self.word() & !(0b11 << 62)) | (0b10 << 62);
        let bits = (u128::from(high) << 64) | u128::from(low);
        let mut text = String::with_capacity(36);
        for nibble in 0..32 {
            if matches!(nibble, 8 | 12 | 16 | 20) {
                text.push('-');
            }
            text.push(char::from(HEX[(bits >> (124 - 4 * nibble)) as usize & 0xf]));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    /// The reference program's output from the state 1, 2, 3, 4.
    #[test]
    fn the_words_are_those_of_the_reference_program() {
        let mut rng = Rng { state: [1, 2, 3, 4] };
        let words: Vec<u64> = (0..5).map(|_| rng.word()).collect();
        assert_eq!(words, [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360]);
    }

    #[test]
    fn a_uuid_says_version_four() {
        let mut rng = Rng::new(0);
        for _ in 0..100 {
            let id = rng.uuid();
            assert_eq!(id.len(), 36);
            assert_eq!(&id[14..15], "4");
            assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
        }
    }

    #[test]
    fn ranges_reach_both_ends_and_no_further() {
        let mut rng = Rng::new(7);
        let drawn: Vec<i32> = (0..1000).map(|_| rng.between(-2, 2)).collect();
        assert_eq!(drawn.iter().min(), Some(&-2));
        assert_eq!(drawn.iter().max(), Some(&2));
    }
}
