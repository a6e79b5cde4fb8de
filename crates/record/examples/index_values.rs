//! Says what search finds each resource by: every parameter of its type, and the values of it.
//!
//! ```text
//! cargo run --example index_values -- FOLDER    every .json file below a folder
//! cargo run --example index_values < NDJSON     a resource in each line
//! ```
//! `e2e/search-oracle.mjs` holds this against what another program finds. Of a Bundle the resources in it are read as
//! well. A line of what is written:
//!
//! ```text
//! {"key":"patient.json","type":"Patient","param":"birthdate","kind":"date","values":["-1000..2000"]}
//! ```
//! `key` is the file or the number of the line, with `#3` for the fourth entry of a Bundle. The lines come in the order
//! of the files and of the parameters' names, one for each parameter of the type. `values` is sorted and holds nothing
//! twice. `\` stands before `\`, `|`, `$` and `,` where they are part of a text, as in a search (FHIR R4 §3.1.1.4.19):
//!
//! | kind | value |
//! |---|---|
//! | token | `system\|code`; without a system `\|code`; where the element itself can say none, `code` |
//! | string, uri | the text |
//! | reference | `Type/id`, an address, or `:identifier=system\|value` |
//! | date | `from..until`: milliseconds since 1970, the end excluded, `*` where it is open |
//! | number | `low..high`, both included, `*` where it is open, as `1.25e2` |
//! | quantity | `low..high\|system\|code\|unit` |
//! | composite | of each part all values, with `,` between them; `$` between the parts |
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a command for a developer's machine, no part of the library"
)]

use std::collections::BTreeMap;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sanad_record::bundle::split_ndjson;
use sanad_record::json::{Node, parse};
use sanad_record::search::{ParamKind, Range, Reference, Token, Value, each_tuple, table_of, values_of_param};
use sanad_record::time::OPEN;
use serde_json::json;

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let Some(folder) = std::env::args().nth(1) else {
        let mut lines = Vec::new();
        std::io::stdin().read_to_end(&mut lines)?;
        for (at, line) in split_ndjson(&lines).enumerate() {
            document(&(at + 1).to_string(), line.bytes, &mut out)?;
        }
        return out.flush();
    };
    for (name, file) in files(Path::new(&folder))? {
        document(&name, &std::fs::read(file)?, &mut out)?;
    }
    out.flush()
}

/// Every `.json` file below the folder, by its path from there.
fn files(folder: &Path) -> std::io::Result<BTreeMap<String, PathBuf>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "json") {
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                files.insert(name, path);
            }
        }
    }
    Ok(files)
}

/// A resource, and for a Bundle those in it.
fn document(key: &str, bytes: &[u8], out: &mut impl Write) -> std::io::Result<()> {
    let node = parse(bytes).map_err(|error| std::io::Error::other(format!("{key}: {error}")))?;
    resource(key, &node, out)
}

fn resource(key: &str, node: &Node<'_>, out: &mut impl Write) -> std::io::Result<()> {
    let Some(table) = node.get_str("resourceType").and_then(|name| table_of(&name)) else { return Ok(()) };
    for param in table.params.values() {
        let mut values = Vec::new();
        if param.kind == ParamKind::Composite {
            each_tuple(param, node, &mut |tuple| {
                let parts: Vec<_> = tuple.iter().map(|values| set(values).join(",")).collect();
                values.push(parts.join("$"));
            });
            values.sort();
            values.dedup();
        } else {
            values = set(&values_of_param(table, param, node));
        }
        let kind = format!("{:?}", param.kind).to_lowercase();
        let line = json!({"key": key, "type": table.name, "param": param.code, "kind": kind, "values": values});
        writeln!(out, "{line}")?;
    }
    for (at, entry) in
        node.get("entry").filter(|_| table.name == "Bundle").map_or(&[][..], Node::items).iter().enumerate()
    {
        if let Some(inner) = entry.get("resource") {
            resource(&format!("{key}#{at}"), inner, out)?;
        }
    }
    Ok(())
}

fn set(values: &[Value]) -> Vec<String> {
    let mut texts: Vec<_> = values.iter().map(text_of).collect();
    texts.sort();
    texts.dedup();
    texts
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Token(Token { code, is_bare: true, .. }) => escaped(code),
        Value::Token(Token { system, code, .. }) => format!("{}|{}", escaped(system), escaped(code)),
        Value::Text(text, _) | Value::Uri(text) => escaped(text),
        Value::Reference(Reference::Local(kind, id)) => format!("{kind}/{id}"),
        Value::Reference(Reference::Address(address)) => escaped(address),
        Value::Reference(Reference::Identifier(system, value)) => {
            format!(":identifier={}|{}", escaped(system), escaped(value))
        }
        Value::Date(span) => {
            let end = |ms: i64, open: i64| if ms == open { "*".to_owned() } else { ms.to_string() };
            format!("{}..{}", end(span.from_ms, OPEN.from_ms), end(span.until_ms, OPEN.until_ms))
        }
        Value::Number(range) => text_of_range(range),
        Value::Quantity(quantity) => {
            let unit = [&quantity.system, &quantity.code, &quantity.unit].map(|text| escaped(text)).join("|");
            format!("{}|{unit}", text_of_range(&quantity.range))
        }
    }
}

fn text_of_range(range: &Range) -> String {
    let end = |number: f64| if number.is_finite() { format!("{number:e}") } else { "*".to_owned() };
    format!("{}..{}", end(range.low), end(range.high))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '\\' | '|' | '$' | ',') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
