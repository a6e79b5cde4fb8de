//! Tag numbers and other identifiers of patients, as they are looked for.

use serde_json::Value;

/// An identifier as it is looked for: small letters, Western digits, no space around it. Nothing else is changed, since
/// a dash may be what tells two numbers apart.
pub fn identifier_key(text: &str) -> String {
    let digit = |letter: char| match letter {
        '\u{660}'..='\u{669}' => char::from(b'0' + (letter as u32 - 0x660) as u8),
        '\u{6f0}'..='\u{6f9}' => char::from(b'0' + (letter as u32 - 0x6f0) as u8),
        _ => letter,
    };
    text.trim().chars().map(digit).flat_map(char::to_lowercase).collect()
}

/// The values of `Patient.identifier`.
pub fn identifiers(patient: &Value) -> impl Iterator<Item = &str> {
    let list = patient.get("identifier").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list.iter().filter_map(|identifier| identifier.get("value")?.as_str())
}
