//! What a refusal says in the language of whoever asks: `details.text` of each issue, by its code.
//!
//! The exact sentence stays in `diagnostics`, in English, for whoever writes the client; this one is for whoever sits before
//! it.

use crate::text::{Lang, Texts, Voice};
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

/// The codes of `http://hl7.org/fhir/issue-type` that have words.
const CODES: [&str; 25] = [
    "business-rule",
    "code-invalid",
    "conflict",
    "deleted",
    "duplicate",
    "exception",
    "expired",
    "extension",
    "forbidden",
    "incomplete",
    "invalid",
    "invariant",
    "login",
    "multiple-matches",
    "no-store",
    "not-found",
    "not-supported",
    "processing",
    "required",
    "security",
    "structure",
    "throttled",
    "too-costly",
    "too-long",
    "transient",
];

/// The language of an answer, if one of ours is asked for first (RFC 9110 §12.5.4).
pub(super) fn asked(accept_language: Option<&str>) -> Option<Lang> {
    let first = accept_language?.split([',', ';', '-']).next()?.trim().to_ascii_lowercase();
    Lang::of_tag(&first)
}

/// Puts the words into an OperationOutcome.
pub(super) fn put_into(outcome: &mut Value, lang: Lang) {
    static TEXTS: OnceLock<Option<Arc<Texts>>> = OnceLock::new();
    let Some(texts) = TEXTS.get_or_init(|| Texts::load().ok().map(Arc::new)) else { return };
    let voice = Voice::new(texts.clone(), lang);
    for issue in outcome["issue"].as_array_mut().into_iter().flatten() {
        let words = issue["code"].as_str().and_then(|code| words(&voice, code));
        if let Some(words) = words {
            issue["details"] = json!({ "text": words });
        }
    }
}

fn words(voice: &Voice, code: &str) -> Option<String> {
    match code {
        // To a person a wrong value is nothing else than something that cannot be understood.
        "value" => words(voice, "invalid"),
        _ => CODES.contains(&code).then(|| voice.t(&format!("outcome-{code}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_code_of_a_refusal_has_words_in_both_languages() {
        let mut sources = Vec::new();
        sources_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api"), &mut sources);
        let texts = Arc::new(Texts::load().unwrap());
        let mut seen = 0;
        for rest in sources.iter().flat_map(|source| source.split("Refusal::new(").skip(1)) {
            // Status and code, where both stand there as they are.
            let Some((_, code)) = rest.split_once(',') else { continue };
            let Some(code) = code.trim_start().strip_prefix('"').and_then(|code| code.split('"').next()) else {
                continue;
            };
            for lang in [Lang::Ar, Lang::En] {
                let said = words(&Voice::new(texts.clone(), lang), code);
                assert!(said.is_some_and(|said| !said.starts_with("outcome-") && said.ends_with('.')), "{code}");
            }
            seen += 1;
        }
        assert!(seen > 50, "{seen}");
    }

    /// The sources of a folder and of those in it, without the tests.
    fn sources_in(folder: &Path, sources: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                sources_in(&path, sources);
            } else if path.is_file() && !path.ends_with("tests.rs") {
                sources.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn the_first_language_that_is_asked_for_counts() {
        for (asked_for, lang) in [
            ("ar", Some(Lang::Ar)),
            ("ar-SY,en;q=0.5", Some(Lang::Ar)),
            ("EN;q=0.9", Some(Lang::En)),
            ("fr,ar", None),
            ("", None),
            ("*", None),
        ] {
            assert_eq!(asked(Some(asked_for)), lang, "{asked_for}");
        }
    }
}
