//! The consonants of a name in classes that both scripts share.

use super::key::{Prefix, Word, is_arabic};

/// Names whose usual Latin spelling is not what their letters sound like, by skeleton.
const RESPELLED: &[(&str, &str)] = &[("asmn", "atmn"), ("hsmn", "atmn")];

/// The skeleton of one word.
pub(super) fn of(word: &Word) -> String {
    let prefix = match word.prefix {
        None => "",
        Some(Prefix::Abd) => "abd",
        Some(Prefix::Abu) => "ab",
        Some(Prefix::Umm) => "am",
    };
    let stem = if matches!(&*word.stem, "الله" | "allah") { "al".to_owned() } else { of_stem(&word.stem) };
    format!("{prefix}{stem}")
}

/// As [`of`], with letters that are often written for one another made one: z and dh, gh, g, j and k, kh and h.
pub(super) fn coarse(skeleton: &str) -> String {
    let classes = skeleton.chars().map(|class| match class {
        'z' => 'd',
        'g' | 'j' => 'k',
        'x' => 'h',
        class => class,
    });
    collapsed(classes)
}

fn of_stem(stem: &str) -> String {
    let sounds: Vec<char> = if stem.contains(is_arabic) { arabic(stem) } else { latin(stem) };
    let mut skeleton = collapsed(sounds.into_iter());
    // The h that ends a word is written or not: Fatima(h), Saleh, teh marbuta.
    if skeleton.len() > 2 && skeleton.ends_with('h') {
        skeleton.pop();
    }
    let respelled = RESPELLED.iter().find(|(usual, _)| *usual == skeleton);
    respelled.map_or(skeleton, |(_, meant)| (*meant).to_owned())
}

/// Runs of one class become one: doubled letters, and consonants that only a dropped vowel kept apart in one script.
fn collapsed(classes: impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    for class in classes {
        if !out.ends_with(class) {
            out.push(class);
        }
    }
    out
}

fn arabic(stem: &str) -> Vec<char> {
    let mut sounds = Vec::new();
    for (index, letter) in stem.chars().enumerate() {
        sounds.push(match letter {
            'ب' | 'پ' => 'b',
            'ت' | 'ث' | 'ط' => 't',
            'ج' | 'ژ' => 'j',
            'ح' | 'ه' => 'h',
            'خ' => 'x',
            'د' | 'ذ' | 'ض' => 'd',
            'ر' => 'r',
            'ز' | 'ظ' => 'z',
            'س' | 'ص' => 's',
            'ش' | 'چ' => 'c',
            'غ' | 'گ' => 'g',
            'ف' | 'ڤ' => 'f',
            'ق' | 'ك' => 'k',
            'ل' => 'l',
            'م' => 'm',
            'ن' => 'n',
            'و' if index == 0 => 'w',
            'ي' if index == 0 => 'y',
            'ا' | 'ع' if index == 0 => 'a',
            letter if letter.is_ascii_digit() => letter,
            _ => continue,
        });
    }
    sounds
}

fn latin(stem: &str) -> Vec<char> {
    let mut sounds = Vec::new();
    let mut rest = stem;
    while let Some(letter) = rest.chars().next() {
        let first = rest.len() == stem.len();
        let digraphs = [
            ("sh", 'c'),
            ("sch", 'c'),
            ("ch", 'c'),
            ("kh", 'x'),
            ("gh", 'g'),
            ("dh", 'd'),
            ("th", 't'),
            ("ph", 'f'),
            ("dj", 'j'),
            ("ck", 'k'),
            ("tch", 'c'),
            ("ou", 'a'),
        ];
        let digraph = digraphs.iter().filter(|(text, _)| rest.starts_with(text)).max_by_key(|(text, _)| text.len());
        if let Some((text, class)) = digraph {
            rest = &rest[text.len()..];
            if *class != 'a' || first {
                sounds.push(*class);
            }
            continue;
        }
        rest = &rest[letter.len_utf8()..];
        match letter {
            'a' | 'e' | 'i' | 'o' | 'u' if first => sounds.push('a'),
            'y' | 'w' if first => sounds.push(letter),
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'w' => {}
            'q' | 'c' => sounds.push('k'),
            'p' => sounds.push('b'),
            'v' => sounds.push('f'),
            'x' => sounds.extend(['k', 's']),
            letter => sounds.push(letter),
        }
    }
    sounds
}
