//! The simulator's one source of chance: SplitMix64 (Steele, Lea, Flood 2014; public domain), fifteen lines, so that no
//! upgrade of a library can change what a seed means. Nothing here needs secrecy.

/// A stream of 64-bit words from a seed.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Rng(seed)
    }

    /// A stream of its own for each label, so that one use that draws more does not shift another.
    pub(crate) fn stream(seed: u64, label: u64) -> Self {
        let mut mixer = Rng(seed ^ label.wrapping_mul(0xd6e8_feb8_6659_fd93));
        Rng(mixer.word())
    }

    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// In `0..bound`. The bias of the multiplication is below 2⁻³² for every bound used here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "an empty range has no member");
        ((u128::from(self.word()) * u128::from(bound)) >> 64) as u64
    }

    /// In `low..=high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "the range is written low to high");
        low + self.below(high - low + 1)
    }

    /// A waiting time around `mean`, from almost nothing to twice as much.
    pub(crate) fn around(&mut self, mean: u64) -> u64 {
        1 + self.below(2 * mean.max(1))
    }

    /// True with a chance of `ppm` in a million.
    pub(crate) fn chance(&mut self, ppm: u32) -> bool {
        self.below(1_000_000) < u64::from(ppm)
    }

    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        if items.is_empty() { None } else { items.get(self.below(items.len() as u64) as usize).copied() }
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        for chunk in out.chunks_mut(8) {
            let word = self.word().to_be_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    /// The first outputs of the reference program from state 0.
    #[test]
    fn the_words_are_those_of_the_reference_program() {
        let mut rng = Rng::new(0);
        assert_eq!([rng.word(), rng.word()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn ranges_reach_both_ends_and_no_further() {
        let mut rng = Rng::new(7);
        let drawn: Vec<_> = (0..1_000).map(|_| rng.between(3, 5)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&5)));
    }
}
