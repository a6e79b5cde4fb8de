//! The body of a request: read up to a bound, and what nobody wants of it thrown away.
//!
//! A client that sends much reads the answer when it has sent all. If the connection were closed on it before, it would see
//! a broken pipe and never learn why it was refused; so what is left is taken from the connection for a while, as far as a
//! bound, and kept nowhere.

use super::outcome::Refusal;
use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use std::time::Duration;
use tokio::time::timeout;

/// Most values in one body of JSON: twice what 16 MiB of records have in them. Each takes many times its bytes in memory
/// while it is read.
const VALUES_MAX: usize = 1_000_000;
/// What is thrown away of one body at most: several times the largest that is read.
const DISCARDED_BYTES_MAX: usize = 4 * super::BODY_BYTES_MAX;
/// How long that goes on at most.
const DISCARDING: Duration = Duration::from_secs(20);

/// A body on its way in.
pub(super) struct Incoming {
    body: Body,
    /// The client sends it only when it is told to.
    waits: bool,
}

impl Incoming {
    pub fn new(body: Body, headers: &HeaderMap) -> Incoming {
        Incoming { body, waits: headers.contains_key(header::EXPECT) }
    }

    /// The rest of it, for whoever reads it piece by piece.
    pub fn take(&mut self) -> Body {
        std::mem::replace(&mut self.body, Body::empty())
    }

    /// All of it.
    ///
    /// # Errors
    /// 413 if it says, or turns out, to be longer than `bytes_max`, or has more values than records have; 400 if it ends
    /// before its end.
    pub async fn read(&mut self, bytes_max: usize) -> Result<Bytes, Refusal> {
        let said = usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX);
        if said > bytes_max {
            return Err(Refusal::too_large());
        }
        let mut read = Vec::with_capacity(said);
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|_| Refusal::torn())?;
            let Ok(data) = frame.into_data() else { continue };
            if read.len() + data.len() > bytes_max {
                return Err(Refusal::too_large());
            }
            read.extend_from_slice(&data);
        }
        if values_in(&read) > VALUES_MAX {
            return Err(Refusal::too_many_values());
        }
        Ok(read.into())
    }

    /// Throws away what has not been read, while the answer is on its way.
    pub fn discard(self) {
        if self.waits || self.body.is_end_stream() {
            return;
        }
        let mut body = self.body;
        tokio::spawn(timeout(DISCARDING, async move {
            let mut left = DISCARDED_BYTES_MAX;
            while let Some(Ok(frame)) = body.frame().await {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                match left.checked_sub(bytes) {
                    Some(less) => left = less,
                    None => return,
                }
            }
        }));
    }
}

/// No less than the values in a text of JSON: each is the first of a list or an object, or comes after a comma.
fn values_in(text: &[u8]) -> usize {
    let (mut values, mut in_string, mut is_escaped) = (1, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_string,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => values += 1,
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::values_in;

    #[test]
    fn values_are_counted_outside_of_texts() {
        assert_eq!(values_in(br#"{"a":[1,2,{"b":"x,[{\\\",[[","c":null}],"d":[]}"#), 9);
        assert_eq!(values_in(b"7"), 1);
    }
}
