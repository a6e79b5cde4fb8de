//! Bars drawn on the server: how much of a whole, in two parts that a grey print still tells apart.

/// The gap between the parts, so that they stay two where a printer has one grey.
const GAP: u64 = 5;
/// The length of a bar in its own units.
const BAR: u64 = 1000;
/// The shortest part that is drawn for something that is not nothing: a sliver that can be seen.
const SLIVER: u64 = 14;

/// A bar in two parts, as lengths along [`BAR`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bar {
    /// The plain part, from the start.
    pub plain: u64,
    /// Where the marked part begins, and how long it is.
    pub mark_at: u64,
    /// The length of the marked part.
    pub mark: u64,
}

/// A bar of `marked` out of `whole`. Whatever the proportion, neither "some" nor "not all" looks like nothing.
pub(crate) fn bar(marked: u64, whole: u64) -> Bar {
    let marked = marked.min(whole);
    let share = match whole {
        0 => 0,
        _ => u64::try_from(u128::from(marked) * u128::from(BAR) / u128::from(whole)).unwrap_or(BAR),
    };
    let mark = match marked {
        0 => 0,
        _ if marked == whole => BAR,
        _ => share.clamp(SLIVER, BAR - SLIVER),
    };
    let gap = if mark == 0 || mark == BAR { 0 } else { GAP };
    Bar { plain: BAR - mark - gap, mark_at: BAR - mark, mark }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_is_seen_and_not_all_is_seen() {
        assert_eq!(bar(0, 0).mark, 0);
        assert_eq!(bar(0, 9).mark, 0);
        assert_eq!(bar(1, 1_000_000).mark, SLIVER);
        assert_eq!(bar(999_999, 1_000_000).mark, BAR - SLIVER);
        assert_eq!(bar(9, 9).plain, 0);
        assert_eq!(bar(10, 9), bar(9, 9));
        assert_eq!(bar(u64::MAX / 2, u64::MAX).mark, BAR / 2 - 1);
    }
}
