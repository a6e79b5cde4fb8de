//! Amounts of bytes as they are typed.

/// Reads a number with a unit: `k`, `M`, `G` are thousands of each other (IEC 80000-13), `Ki`, `Mi`, `Gi` are 1,024; a `B`
/// may follow, and letters may be small. `None` if it is none, or too many.
pub fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let unit: u64 = match unit.trim_start().to_ascii_lowercase().trim_end_matches('b') {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "ki" => 1 << 10,
        "mi" => 1 << 20,
        "gi" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn amounts_are_read_with_their_units_and_nothing_else_is() {
        for (text, amount) in [
            ("0", Some(0)),
            (" 512 MiB", Some(512 << 20)),
            ("5M", Some(5_000_000)),
            ("5mb", Some(5_000_000)),
            ("64 kB", Some(64_000)),
            ("3B", Some(3)),
            ("2Gi", Some(2 << 30)),
            ("18446744073709551616", None),
            ("18446744073709551615k", None),
            ("", None),
            ("M", None),
            ("-1", None),
            ("1.5M", None),
            ("5T", None),
            ("5 M B", None),
            ("much", None),
            ("٥", None),
        ] {
            assert_eq!(bytes(text), amount, "{text:?}");
        }
    }
}
