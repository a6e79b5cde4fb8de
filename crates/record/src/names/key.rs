//! Steps 1 to 3 of the name key: letters, words, compounds.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// One word of a name after compounds are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// What the word is built with, if it is a compound.
    pub(super) prefix: Option<Prefix>,
    /// The word without it and without the article.
    pub(super) stem: String,
}

/// What Arabic names are built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    /// Servant of.
    Abd,
    /// Father of.
    Abu,
    /// Mother of.
    Umm,
}

impl Word {
    pub(super) fn key(&self) -> String {
        let arabic = self.stem.chars().any(is_arabic);
        let prefix = match (self.prefix, arabic) {
            (None, _) => "",
            (Some(Prefix::Abd), true) => "عبد",
            (Some(Prefix::Abu), true) => "ابو",
            (Some(Prefix::Umm), true) => "ام",
            (Some(Prefix::Abd), false) => "abd",
            (Some(Prefix::Abu), false) => "abu",
            (Some(Prefix::Umm), false) => "umm",
        };
        format!("{prefix}{}", self.stem)
    }
}

pub(super) fn is_arabic(letter: char) -> bool {
    ('\u{600}'..='\u{6ff}').contains(&letter)
}

/// The words of a text, compounds joined, particles and articles taken off.
pub(super) fn words(text: &str) -> Vec<Word> {
    let text = letters(text);
    let tokens: Vec<&str> = text.split(' ').filter(|token| !token.is_empty()).collect();
    let mut words = Vec::new();
    let mut rest = &tokens[..];
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        if !rest.is_empty() && (is_particle(token) || is_article(token, rest[0])) {
            continue;
        }
        let Some(prefix) = prefix_word(token).filter(|_| !rest.is_empty()) else {
            words.push(whole(token));
            continue;
        };
        // "Abd al Rahman": the article is a word of its own.
        if rest.len() > 1 && is_article(rest[0], rest[1]) {
            rest = &rest[1..];
        }
        if let Some((base, after)) = rest.split_first() {
            words.push(Word { prefix: Some(prefix), stem: without_article(base, 1) });
            rest = after;
        }
    }
    words
}

/// Steps 1 and 2: one letter for all the ways it is written, lower case, everything else a space.
pub(super) fn letters(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Compatibility decomposition takes hamza, madda and accents off their letters as marks, which then go.
    for letter in text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase) {
        let letter = match letter {
            // Written inside words and no letters: tatweel, zero width and direction marks, hamza, ayn signs, apostrophes.
            '\u{640}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
                continue;
            }
            '\u{621}' | '\'' | '`' | '´' | '\u{2018}' | '\u{2019}' | '\u{2b9}'..='\u{2bf}' => continue,
            '\u{671}' => 'ا',
            'ى' | '\u{6cc}' | '\u{6d2}' => 'ي',
            'ة' | '\u{6be}' | '\u{6c1}' | '\u{6c3}' | '\u{6d5}' => 'ه',
            '\u{6a9}' | '\u{6aa}' => 'ك',
            '\u{660}'..='\u{669}' => digit(letter, '\u{660}'),
            '\u{6f0}'..='\u{6f9}' => digit(letter, '\u{6f0}'),
            'ı' => 'i',
            'ß' => 's',
            'ø' => 'o',
            'ł' => 'l',
            'đ' => 'd',
            letter if letter.is_alphanumeric() => letter,
            _ => ' ',
        };
        out.push(letter);
    }
    out
}

fn digit(letter: char, zero: char) -> char {
    char::from_digit(u32::from(letter) - u32::from(zero), 10).unwrap_or(letter)
}

/// Son of, daughter of.
fn is_particle(token: &str) -> bool {
    matches!(token, "بن" | "ابن" | "بنت" | "ابنه" | "bin" | "ibn" | "ben" | "bint" | "bent" | "bnt")
}

/// A word that is only the first half of a compound.
fn prefix_word(token: &str) -> Option<Prefix> {
    match token {
        "عبد" | "abd" | "abdel" | "abdul" | "abdal" | "abdoul" | "abdil" | "abed" => Some(Prefix::Abd),
        "ابو" | "ابي" | "ابا" | "abu" | "abou" | "abo" | "aboo" | "abi" | "aba" => Some(Prefix::Abu),
        "ام" | "umm" | "um" | "om" | "oum" | "omm" | "oumm" | "umme" => Some(Prefix::Umm),
        _ => None,
    }
}

/// Whether this word is the article of the next: also as it sounds before a sun letter (ash-Shami, an-Nasr).
fn is_article(token: &str, next: &str) -> bool {
    match token {
        "al" | "el" | "ul" | "il" | "ال" => true,
        "ar" | "as" | "ash" | "az" | "ad" | "an" | "at" | "er" | "es" | "esh" | "ech" | "ach" | "ez" | "ed" | "en"
        | "et" => next.starts_with(&token[1..]),
        _ => false,
    }
}

/// A word that stands by itself; it may be a compound written together.
fn whole(token: &str) -> Word {
    let compound = |prefix, stem: &str| Word { prefix: Some(prefix), stem: stem.to_owned() };
    if let Some(stem) = token.strip_prefix("عبد").filter(|stem| stem.starts_with("ال") && letters_in(stem) >= 4) {
        return compound(Prefix::Abd, &without_article(stem, 1));
    }
    if let Some(stem) = token.strip_prefix("عبد").filter(|stem| letters_in(stem) >= 3) {
        return compound(Prefix::Abd, stem);
    }
    if let Some(stem) = token.strip_prefix("ابو").filter(|stem| letters_in(stem) >= 3) {
        return compound(Prefix::Abu, &without_article(stem, 1));
    }
    if token.starts_with(['a']) {
        if let Some(stem) = latin_abd(token) {
            return compound(Prefix::Abd, &stem);
        }
        let abu = token.strip_prefix("abou").or_else(|| token.strip_prefix("abu"));
        if let Some(stem) = abu.filter(|stem| letters_in(stem) >= 3 && !stem.starts_with(is_vowel)) {
            return compound(Prefix::Abu, &without_article(stem, 4));
        }
    }
    Word { prefix: None, stem: without_article(token, 3) }
}

/// The second half of a Latin `Abd…` written in one word.
fn latin_abd(token: &str) -> Option<String> {
    let stem = token.strip_prefix("abd")?;
    // God's name keeps its article: Abdullah, Abdallah, Abdellah, Abdulla.
    let god = stem.strip_prefix("ou").or_else(|| stem.strip_prefix(['u', 'a', 'e', 'i', 'o'])).unwrap_or(stem);
    if matches!(god, "llah" | "lla" | "lah" | "lleh") {
        return Some("allah".to_owned());
    }
    let article = ["oul", "ul", "el", "al", "il"].iter().find_map(|article| stem.strip_prefix(article));
    if let Some(base) = article.filter(|base| letters_in(base) >= 3) {
        return Some(base.to_owned());
    }
    // Before a sun letter the article sounds like it: Abdurrahman, Abderrahim, Abdessalam.
    let mut sounds = god.chars();
    let (first, second) = (sounds.next()?, sounds.next()?);
    if first == second && god.len() < stem.len() && letters_in(god) >= 4 {
        return Some(god[first.len_utf8()..].to_owned());
    }
    (letters_in(stem) >= 4 && !stem.starts_with(is_vowel)).then(|| stem.to_owned())
}

/// A word without its article, if at least `least` letters remain.
fn without_article(word: &str, least: usize) -> String {
    if let Some(stem) = word.strip_prefix("ال") {
        // Allah is no article and a word; neither is what is left of Elias and Ilham.
        let kept = matches!(word, "الله" | "الياس" | "الهام") || letters_in(stem) < least.max(2);
        return if kept { word } else { stem }.to_owned();
    }
    let latin = word.strip_prefix("al").or_else(|| word.strip_prefix("el"));
    match latin {
        Some(stem) if letters_in(stem) >= 4 && !stem.starts_with(is_vowel) && !stem.starts_with(['l', 'y']) => {
            stem.to_owned()
        }
        _ => if matches!(word, "alla" | "llah" | "lah") { "allah" } else { word }.to_owned(),
    }
}

pub(super) fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u')
}

fn letters_in(text: &str) -> usize {
    text.chars().count()
}
