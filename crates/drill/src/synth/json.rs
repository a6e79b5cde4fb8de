//! A writer of compact JSON: keys in the order they are written, no floats, one buffer per resource.
//!
//! A tree of values would cost more than everything else the generator does together.

/// Room for one resource without growing in the usual case.
const CAPACITY_BYTES: usize = 1536;

/// One JSON object under construction.
#[derive(Debug)]
pub(super) struct Json {
    bytes: Vec<u8>,
    /// Closing brackets owed, innermost last.
    open: Vec<u8>,
}

impl Json {
    pub(super) fn new() -> Self {
        let mut bytes = Vec::with_capacity(CAPACITY_BYTES);
        bytes.push(b'{');
        Self { bytes, open: vec![b'}'] }
    }

    fn separate(&mut self) {
        if !matches!(self.bytes.last(), Some(b'{' | b'[' | b':')) {
            self.bytes.push(b',');
        }
    }

    fn key(&mut self, key: &str) {
        self.separate();
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(b"\":");
    }

    fn text(&mut self, text: &str) {
        self.bytes.push(b'"');
        self.escaped(text);
        self.bytes.push(b'"');
    }

    fn escaped(&mut self, text: &str) {
        if !text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
            self.bytes.extend_from_slice(text.as_bytes());
            return;
        }
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => self.bytes.extend_from_slice(&[b'\\', byte]),
                b'\n' => self.bytes.extend_from_slice(b"\\n"),
                0..0x20 => self.bytes.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => self.bytes.push(byte),
            }
        }
    }

    /// `"key":{` until the matching [`Json::end`].
    pub(super) fn object(&mut self, key: &str) -> &mut Self {
        self.key(key);
        self.bytes.push(b'{');
        self.open.push(b'}');
        self
    }

    /// `"key":[` until the matching [`Json::end`].
    pub(super) fn array(&mut self, key: &str) -> &mut Self {
        self.key(key);
        self.bytes.push(b'[');
        self.open.push(b']');
        self
    }

    /// `{` as the next item of an array, until the matching [`Json::end`].
    pub(super) fn item(&mut self) -> &mut Self {
        self.separate();
        self.bytes.push(b'{');
        self.open.push(b'}');
        self
    }

    /// Closes what was opened last.
    pub(super) fn end(&mut self) -> &mut Self {
        assert!(self.open.len() > 1, "the outermost object is closed by finish");
        let close = self.open.pop();
        self.bytes.extend(close);
        self
    }

    pub(super) fn str(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key);
        self.text(value);
        self
    }

    /// A string in several parts, put together without a copy of its own.
    pub(super) fn str_of(&mut self, key: &str, parts: &[&str]) -> &mut Self {
        self.key(key);
        self.bytes.push(b'"');
        parts.iter().for_each(|part| self.escaped(part));
        self.bytes.push(b'"');
        self
    }

    /// A string as the next item of an array.
    pub(super) fn str_item(&mut self, value: &str) -> &mut Self {
        self.separate();
        self.text(value);
        self
    }

    /// A number with one decimal if `tenths` needs it.
    pub(super) fn tenths(&mut self, key: &str, tenths: i32) -> &mut Self {
        assert!(tenths >= 0, "no measurement here is below zero");
        self.key(key);
        let mut text = (tenths / 10).to_string();
        if tenths % 10 != 0 {
            text.push('.');
            text.push_str(&(tenths % 10).to_string());
        }
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn int(&mut self, key: &str, value: i32) -> &mut Self {
        self.key(key);
        self.bytes.extend_from_slice(value.to_string().as_bytes());
        self
    }

    /// JSON already written, such as a fragment shared by all resources.
    pub(super) fn raw(&mut self, key: &str, json: &str) -> &mut Self {
        self.key(key);
        self.bytes.extend_from_slice(json.as_bytes());
        self
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        assert_eq!(self.open.len(), 1, "every object and array has been closed");
        self.bytes.push(b'}');
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn what_is_written_reads_back() {
        let mut json = Json::new();
        json.str("a", "quote \" slash \\ line \n bell \u{7} عربي");
        json.array("b").str_item("x").item().int("n", -3).end().end();
        json.object("c").tenths("whole", 370).tenths("part", 368).raw("t", "true").end();
        let bytes = json.finish();
        let value: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(value["a"], "quote \" slash \\ line \n bell \u{7} عربي");
        assert_eq!(value["b"][1]["n"], -3);
        assert!(String::from_utf8_lossy(&bytes).ends_with(r#""c":{"whole":37,"part":36.8,"t":true}}"#));
    }
}
