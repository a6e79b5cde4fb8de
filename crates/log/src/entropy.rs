//! Randomness comes in as an argument, so that a simulated site draws the same bytes at every replay.

use rand_core::{TryCryptoRng, TryRng};
use std::convert::Infallible;

/// A source of random bytes. The node wraps the operating system's generator; the simulator a seeded one.
pub struct Entropy(Fill);

type Fill = Box<dyn FnMut(&mut [u8]) + Send>;

impl Entropy {
    /// Wraps a function that fills a slice with bytes fit for keys. It must not return before the slice is filled.
    pub fn new(fill: impl FnMut(&mut [u8]) + Send + 'static) -> Self {
        Entropy(Box::new(fill))
    }

    /// Draws an array.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0u8; N];
        (self.0)(&mut out);
        out
    }
}

impl TryRng for Entropy {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.array()))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        (self.0)(dst);
        Ok(())
    }
}

impl TryCryptoRng for Entropy {}
