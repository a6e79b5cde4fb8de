//! `sanad sms encode` and `sanad sms decode`: lines that a person pastes into a phone, and out of it.

use super::bundle::{code_of, read_in_words};
use super::operate::{Operation, here_or_there};
use crate::say::{self, EXIT_REFUSED, Trouble};
use anyhow::Result;
use sanad_node::site::Site;
use sanad_node::sms::TEXT_BYTES_MAX;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

/// Text that goes to a running site at once: its socket takes 64 KiB a request.
const PIECE_BYTES_MAX: usize = 48 * 1024;

/// Lines for a site.
pub async fn encode(site: &Site, to: &str, max_frames: usize) -> Result<(u8, Value)> {
    let to = site.site_named(to).await?;
    Ok((0, serde_json::to_value(site.sms_encode(to, max_frames).await?)?))
}

/// Takes lines in. The exit code is that of the worst of the messages.
pub async fn decode_here(site: &Site, text: &str) -> Result<(u8, Value)> {
    let report = site.sms_decode(text).await?;
    // As a bundle that nobody's key opens is refused, but not where others came in.
    let nothing = report.not_readable > 0 && report.read.is_empty();
    let code = report.read.iter().map(code_of).max().unwrap_or(if nothing { EXIT_REFUSED } else { 0 });
    Ok((code, serde_json::to_value(report)?))
}

/// The command: reads standard input to its end, and takes it in piece by piece.
pub async fn decode(dir: &Path, passphrase: &str, json: bool) -> Result<u8> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(TEXT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(Trouble::TooMuchText.into());
    }
    let text = String::from_utf8_lossy(&bytes);
    let (mut all, mut worst): (Option<Value>, u8) = (None, 0);
    for piece in pieces(&text) {
        let operation = Operation::SmsDecode { text: piece };
        let (code, result) = here_or_there(dir, passphrase, &operation).await?;
        worst = worst.max(code);
        all = Some(match all {
            None => result,
            Some(before) => join(before, &result),
        });
    }
    let result = all.unwrap_or_default();
    super::print(json, &result, decoded_in_words(&result));
    Ok(worst)
}

/// The text in pieces of whole lines; one piece at least.
fn pieces(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    for line in text.split_inclusive('\n') {
        // A line of that length is none of ours, but parts of it may be: it is cut between words if it has any.
        for part in cut(line) {
            if out.last().is_some_and(|last| last.len() + part.len() > PIECE_BYTES_MAX) {
                out.push(String::new());
            }
            if let Some(last) = out.last_mut() {
                last.push_str(part);
            }
        }
    }
    out
}

fn cut(mut line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    while line.len() > PIECE_BYTES_MAX {
        let mut at = PIECE_BYTES_MAX;
        while !line.is_char_boundary(at) {
            at -= 1;
        }
        at = line[..at].rfind(' ').filter(|at| *at > 0).unwrap_or(at);
        out.push(&line[..at]);
        line = &line[at..];
    }
    out.push(line);
    out
}

/// Two reports as one: what is pending and what is to be answered is what the later one says.
fn join(before: Value, after: &Value) -> Value {
    let sum = |name: &str| before[name].as_u64().unwrap_or_default() + after[name].as_u64().unwrap_or_default();
    let lists = [&before["read"], &after["read"]].into_iter().filter_map(Value::as_array);
    let read: Vec<_> = lists.flatten().cloned().collect();
    let reply = if after["reply"].as_array().is_some_and(|lines| !lines.is_empty()) { after } else { &before };
    json!({
        "lines": sum("lines"), "read": read, "known": sum("known"), "not_readable": sum("not_readable"),
        "pending": after["pending"], "reply": reply["reply"],
    })
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.map(|text| text.as_str().map_or_else(|| text.to_string(), str::to_owned)).collect()
}

/// The lines alone, so that they can be piped on; how many there are goes to standard error.
pub fn lines_in_words(result: &Value) -> String {
    let lines = texts(&result["lines"]);
    let args = [
        ("lines", lines.len().to_string()),
        ("entries", result["entries"].to_string()),
        ("left", result["left"].to_string()),
    ];
    eprintln!("{}", say::text("sms-summary", &args));
    lines.join("\n")
}

/// For people.
pub fn decoded_in_words(result: &Value) -> String {
    let mut out = String::new();
    let mut line = |id: &str, args: &[(&str, String)]| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", say::text(id, args));
    };
    line("sms-decoded", &[("lines", result["lines"].to_string()), ("known", result["known"].to_string())]);
    if result["not_readable"] != 0 {
        line("sms-not-readable", &[("count", result["not_readable"].to_string())]);
    }
    for pending in result["pending"].as_array().into_iter().flatten() {
        let args = [
            ("message", pending["message"].as_str().unwrap_or_default().to_owned()),
            ("of", pending["of"].to_string()),
            ("missing", texts(&pending["missing"]).join(", ")),
        ];
        line("sms-pending", &args);
    }
    result["read"].as_array().into_iter().flatten().for_each(|report| out.push_str(&read_in_words(report)));
    let reply = texts(&result["reply"]);
    if !reply.is_empty() {
        let _ = writeln!(out, "{}\n{}", say::text("sms-reply", &[]), reply.join("\n"));
    }
    out
}
