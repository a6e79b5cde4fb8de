//! A body, line by line, in bounded memory.

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use std::future::poll_fn;
use std::pin::Pin;

/// One line, without its end.
pub(super) enum Line {
    Text(Bytes),
    /// Longer than a line may be.
    TooLong,
}

/// Why there are no more lines though the body was not at its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stopped {
    /// The body has more bytes than it may have.
    TooLarge,
    /// The connection broke.
    Broken,
}

/// Cuts a body into lines.
pub(super) struct Lines {
    body: Pin<Box<BodyDataStream>>,
    /// What was read and is not in a line yet.
    read: BytesMut,
    /// How much of that has been searched for an end of line.
    searched: usize,
    /// Bytes that may still come.
    left: usize,
    line_bytes_max: usize,
    /// The line that is being read is too long, and its bytes are let go.
    is_too_long: bool,
    is_at_end: bool,
}

impl Lines {
    pub fn new(body: Body, line_bytes_max: usize, body_bytes_max: usize) -> Lines {
        Lines {
            body: Box::pin(body.into_data_stream()),
            read: BytesMut::new(),
            searched: 0,
            left: body_bytes_max,
            line_bytes_max,
            is_too_long: false,
            is_at_end: false,
        }
    }

    /// The next line; `None` after the last. Nothing is lost if the future is dropped before it is done.
    pub async fn next(&mut self) -> Result<Option<Line>, Stopped> {
        loop {
            if let Some(at) = self.read[self.searched..].iter().position(|byte| *byte == b'\n') {
                let mut line = self.read.split_to(self.searched + at + 1);
                line.truncate(line.len() - 1);
                return Ok(Some(self.line(line)));
            }
            if self.is_at_end {
                let line = self.read.split();
                let is_there = self.is_too_long || !line.is_empty();
                return Ok(is_there.then(|| self.line(line)));
            }
            if self.read.len() > self.line_bytes_max {
                self.is_too_long = true;
            }
            if self.is_too_long {
                self.read.clear();
            }
            self.searched = self.read.len();
            match poll_fn(|context| self.body.as_mut().poll_next(context)).await {
                None => self.is_at_end = true,
                Some(Err(_)) => return Err(Stopped::Broken),
                Some(Ok(bytes)) => {
                    self.left = self.left.checked_sub(bytes.len()).ok_or(Stopped::TooLarge)?;
                    self.read.extend_from_slice(&bytes);
                }
            }
        }
    }

    fn line(&mut self, line: BytesMut) -> Line {
        self.searched = 0;
        let is_too_long = std::mem::take(&mut self.is_too_long) || line.len() > self.line_bytes_max;
        if is_too_long { Line::TooLong } else { Line::Text(line.freeze()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll};

    /// A body of these pieces, broken off where one is `None`.
    struct Pieces(Vec<Option<&'static str>>);

    impl Stream for Pieces {
        type Item = Result<Bytes, std::io::Error>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            if self.0.is_empty() {
                return Poll::Ready(None);
            }
            let piece = self.0.remove(0);
            Poll::Ready(Some(piece.map(Bytes::from).ok_or_else(|| std::io::ErrorKind::ConnectionReset.into())))
        }
    }

    async fn read(pieces: &[Option<&'static str>], body_bytes_max: usize) -> (String, Result<(), Stopped>) {
        let mut lines = Lines::new(Body::from_stream(Pieces(pieces.to_vec())), 5, body_bytes_max);
        let mut read = Vec::new();
        loop {
            match lines.next().await {
                Ok(Some(Line::Text(line))) => read.push(String::from_utf8(line.to_vec()).unwrap()),
                Ok(Some(Line::TooLong)) => read.push("…".to_owned()),
                Ok(None) => return (read.join("|"), Ok(())),
                Err(stopped) => return (read.join("|"), Err(stopped)),
            }
        }
    }

    #[tokio::test]
    async fn lines_are_cut_wherever_the_pieces_end() {
        for pieces in [&[Some("ab\n\ncd")][..], &[Some("a"), Some("b"), Some("\n"), Some("\nc"), Some("d")]] {
            assert_eq!(read(pieces, 99).await, ("ab||cd".to_owned(), Ok(())));
        }
        assert_eq!(read(&[], 99).await, (String::new(), Ok(())));
        assert_eq!(read(&[Some("ab\n")], 99).await, ("ab".to_owned(), Ok(())));
        let long = [Some("123456\n12345\n123"), Some("456"), Some("78\nx\n12345"), Some("6")];
        assert_eq!(read(&long, 99).await, ("…|12345|…|x|…".to_owned(), Ok(())));
        let broken = [Some("ab\nc"), None];
        assert_eq!(read(&broken, 99).await, ("ab".to_owned(), Err(Stopped::Broken)));
        assert_eq!(read(&[Some("ab\ncd\n"), Some("e")], 6).await, ("ab|cd".to_owned(), Err(Stopped::TooLarge)));
    }
}
