//! Sessions over real sockets: pinning, exporter, streaming both ways, reuse of connections.
#![allow(clippy::unwrap_used)]

mod support;

use sanad_node::carrier::{
    CHUNK_BYTES, Channel, ChannelError, DialError, Dialer, FrameReader, FrameWriter, Limits, QUEUE_CHUNKS,
    STREAM_WINDOW_BYTES,
};
use sanad_node::tls::{Identity, Pin};
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::{Cable, Listening, soon};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// Sends `total` bytes in frames of many sizes; each frame bears its number.
async fn pour(mut writer: FrameWriter, total: usize) -> u64 {
    let sizes = [0, 1, 90, 1_000, 1_100, 70_000, 300, 2_000_000];
    let (mut sent, mut count) = (0, 0u64);
    while sent < total {
        let mut frame = vec![count as u8; 8 + sizes[count as usize % sizes.len()]];
        frame[..8].copy_from_slice(&count.to_be_bytes());
        writer.send(&frame).await.unwrap();
        sent += frame.len();
        count += 1;
    }
    writer.finish().await.unwrap();
    count
}

/// Reads to the end and checks that nothing is missing, doubled or out of order.
async fn drain(reader: &mut FrameReader, slow: bool) -> u64 {
    let mut count = 0u64;
    while let Some(frame) = reader.next().await.unwrap() {
        assert_eq!(frame[..8], count.to_be_bytes());
        assert!(frame[8..].iter().all(|byte| *byte == count as u8));
        count += 1;
        if slow {
            // A reader with other work to do: it lets everybody else run first, many times.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
    }
    count
}

/// Both ends finish and see the other's end.
async fn end(here: Channel, there: Channel) {
    let Channel { mut reader, writer, .. } = here;
    writer.finish().await.unwrap();
    let Channel { reader: mut far_reader, writer: far_writer, .. } = there;
    assert_eq!(soon(far_reader.next()).await, Ok(None));
    far_writer.finish().await.unwrap();
    assert_eq!(soon(reader.next()).await, Ok(None));
}

#[tokio::test]
async fn the_exporter_is_one_at_both_ends_and_another_on_every_connection() {
    let mut site = Listening::start(Limits::default()).await;
    let (first, second) = (Dialer::default(), Dialer::default());
    let (a, b) = site.session(&first).await;
    let (c, d) = site.session(&second).await;
    assert_eq!(a.exporter, b.exporter);
    assert_eq!(c.exporter, d.exporter);
    assert_ne!(a.exporter, c.exporter);
    assert_eq!(a.peer_addr, site.addr);
    end(a, b).await;
    end(c, d).await;
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_gets_nothing() {
    let mut site = Listening::start(Limits::default()).await;
    let dialer = Dialer::default();
    let mut target = site.target();
    target.pin = Pin::Full(Identity::generate().unwrap().certificate_hash());
    assert!(matches!(soon(dialer.open(&target)).await, Err(DialError::WrongCertificate { .. })));
    assert!(site.sessions.try_recv().is_err());
    let mut head = [0; 16];
    head.copy_from_slice(&site.identity.certificate_hash()[..16]);
    target.pin = Pin::Short(head);
    let (a, b) = site.session_with(&dialer, &target).await;
    end(a, b).await;
}

#[tokio::test]
async fn what_does_not_answer_as_a_site_is_told_apart() {
    let limits = Limits { handshake: Duration::from_millis(300), ..Limits::default() };
    let dialer = Dialer::new(limits);
    let site = Listening::start(Limits::default()).await;

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(matches!(dialer.open(&site.target_at(closed)).await, Err(DialError::Unreachable { .. })));

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_addr = silent.local_addr().unwrap();
    assert!(matches!(soon(dialer.open(&site.target_at(silent_addr))).await, Err(DialError::Timeout { .. })));

    let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let web_addr = web.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = web.accept().await {
            use tokio::io::AsyncWriteExt;
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        }
    });
    assert!(matches!(soon(dialer.open(&site.target_at(web_addr))).await, Err(DialError::NotASite { .. })));

    let mut none = site.target();
    none.addresses.clear();
    assert_eq!(dialer.open(&none).await.err(), Some(DialError::NoAddress));
    // Of several addresses the first that leads to the site is enough.
    let mut many = site.target();
    many.addresses.insert(0, format!("https://{closed}").parse().unwrap());
    assert!(soon(dialer.open(&many)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_megabytes_stream_both_ways_at_once_past_slow_readers() {
    const TOTAL: usize = 50_000_000;
    let mut site = Listening::start(Limits::default()).await;
    let dialer = Dialer::default();
    let (mut a, mut b) = site.session(&dialer).await;
    let up = tokio::spawn(pour(a.writer, TOTAL));
    let down = tokio::spawn(pour(b.writer, TOTAL));
    let far = tokio::spawn(async move { drain(&mut b.reader, true).await });
    let near = soon(drain(&mut a.reader, true)).await;
    assert_eq!(near, soon(down).await.unwrap());
    assert_eq!(soon(far).await.unwrap(), soon(up).await.unwrap());
    let counts = a.counters.session();
    for bytes in [counts.sent, counts.received] {
        // Framing, HTTP/2, TLS and the handshake together: under one per cent.
        assert!((TOTAL as u64..TOTAL as u64 * 101 / 100 + 3_000_000).contains(&bytes), "{bytes}");
    }
}

#[tokio::test]
async fn a_reader_that_stops_stops_its_writer_and_nobody_else() {
    const FRAME: usize = 1_000;
    let mut site = Listening::start(Limits::default()).await;
    let dialer = Dialer::default();
    let (mut a, mut b) = site.session(&dialer).await;
    let mut taken = 0;
    // Nobody reads: the writer is held back once everything on the way is full.
    while let Ok(sent) = tokio::time::timeout(Duration::from_millis(500), a.writer.send(&[7; FRAME])).await {
        sent.unwrap();
        taken += FRAME;
    }
    // The window at the reader, the queue, the writer's own chunk, and what HTTP/2 holds: its buffer and one chunk.
    let bound = STREAM_WINDOW_BYTES as usize + CHUNK_BYTES * (QUEUE_CHUNKS + 3) + 2 * FRAME;
    assert!(taken >= STREAM_WINDOW_BYTES as usize && taken <= bound, "{taken} of {bound}");
    // The other direction, and another session on the same connection, go on.
    b.writer.send(b"still here").await.unwrap();
    b.writer.flush().await.unwrap();
    assert_eq!(soon(a.reader.next()).await.unwrap().unwrap(), "still here");
    let (c, d) = site.session(&dialer).await;
    end(c, d).await;
    // Once it reads again, everything arrives.
    let writer = tokio::spawn(a.writer.finish());
    let mut got = 0;
    while let Some(frame) = soon(b.reader.next()).await.unwrap() {
        got += frame.len();
    }
    assert_eq!(got, taken, "the send that was given up left nothing behind");
    soon(writer).await.unwrap().unwrap();
}

#[tokio::test]
async fn small_frames_share_what_carries_them() {
    let mut site = Listening::start(Limits::default()).await;
    let dialer = Dialer::default();
    let (mut a, mut b) = site.session(&dialer).await;
    let before = a.counters.session().sent;
    for _ in 0..10_000u32 {
        a.writer.send(&[1; 9]).await.unwrap();
    }
    a.writer.flush().await.unwrap();
    for _ in 0..10_000u32 {
        assert_eq!(soon(b.reader.next()).await.unwrap().unwrap().len(), 9);
    }
    let cost = a.counters.session().sent - before;
    assert!(cost < 102_000, "10,000 frames of 10 bytes took {cost} bytes");
    end(a, b).await;
}

#[tokio::test]
async fn a_second_session_costs_no_handshake() {
    let mut site = Listening::start(Limits::default()).await;
    let cable = Cable::to(site.addr).await;
    let target = site.target_at(cable.addr);
    let dialer = Dialer::default();
    let (a, b) = site.session_with(&dialer, &target).await;
    let (exporter, first) = (a.exporter, a.counters.clone());
    assert!(first.handshake().sent > 1_000 && first.handshake().received > 1_000, "{:?}", first.handshake());
    end(a, b).await;
    for _ in 0..3 {
        let (a, b) = site.session_with(&dialer, &target).await;
        assert_eq!((a.exporter, a.counters.handshake().total()), (exporter, 0));
        let (here, there) = (a.counters.clone(), b.counters.clone());
        end(a, b).await;
        assert!(here.session().total() < 300, "an empty session took {:?}", here.session());
        assert!(there.session().total() < 300, "an empty session took {:?}", there.session());
    }
    assert_eq!(cable.calls.load(Ordering::SeqCst), 1);
    // The counters are what the wire saw.
    assert_eq!(first.connection().received, cable.down.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_peer_that_vanishes_is_noticed_at_both_ends_at_once() {
    let mut site = Listening::start(Limits::default()).await;
    let cable = Cable::to(site.addr).await;
    let target = site.target_at(cable.addr);
    let dialer = Dialer::default();
    let (mut a, mut b) = site.session_with(&dialer, &target).await;
    a.writer.send(&[1; 500_000]).await.unwrap();
    a.writer.flush().await.unwrap();
    assert!(soon(b.reader.next()).await.unwrap().is_some());
    let begun = Instant::now();
    cable.cut();
    assert_eq!(soon(a.reader.next()).await, Err(ChannelError::Lost));
    assert_eq!(soon(b.reader.next()).await, Err(ChannelError::Lost));
    soon(a.writer.lost()).await;
    soon(b.writer.lost()).await;
    assert_eq!(b.writer.send(b"x").await.and(b.writer.flush().await), Err(ChannelError::Lost));
    assert!(begun.elapsed() < Duration::from_secs(5));
    // The next session finds its way again, over a new connection.
    let (a, b) = site.session_with(&dialer, &target).await;
    assert!(a.counters.handshake().total() > 0);
    end(a, b).await;
}

#[tokio::test]
async fn a_kept_connection_that_died_unnoticed_is_replaced() {
    let mut site = Listening::start(Limits::default()).await;
    let cable = Cable::to(site.addr).await;
    let target = site.target_at(cable.addr);
    let short = Duration::from_millis(500);
    let dialer = Dialer::new(Limits { response: short, handshake: short, ..Limits::default() });
    let (a, b) = site.session_with(&dialer, &target).await;
    end(a, b).await;
    cable.freeze(true);
    assert!(matches!(soon(dialer.open(&target)).await, Err(DialError::Timeout { .. })));
    cable.freeze(false);
    let (a, b) = site.session_with(&dialer, &target).await;
    assert!(a.counters.handshake().total() > 0);
    end(a, b).await;
}

#[tokio::test]
async fn a_session_that_is_dropped_is_cut_not_ended() {
    let mut site = Listening::start(Limits::default()).await;
    let dialer = Dialer::default();
    let (mut a, mut b) = site.session(&dialer).await;
    a.writer.send(b"half").await.unwrap();
    a.writer.flush().await.unwrap();
    assert_eq!(soon(b.reader.next()).await.unwrap().unwrap(), "half");
    drop(a);
    assert_eq!(soon(b.reader.next()).await, Err(ChannelError::Lost));
    drop(b);
    let (mut a, b) = site.session(&dialer).await;
    assert_eq!(a.counters.handshake().total(), 0, "the connection outlives the session");
    drop(b);
    assert_eq!(soon(a.reader.next()).await, Err(ChannelError::Lost));
}

#[tokio::test]
async fn who_finishes_first_may_leave_without_cutting_the_other_off() {
    let mut site = Listening::start(Limits::default()).await;
    let dialer = Dialer::default();
    for called_leaves_first in [true, false] {
        let (a, b) = site.session(&dialer).await;
        assert!(!format!("{a:?}").contains("exporter"));
        let (first, mut last) = if called_leaves_first { (b, a) } else { (a, b) };
        first.writer.finish().await.unwrap();
        drop(first.reader);
        assert_eq!(soon(last.reader.next()).await, Ok(None));
        let cut = tokio::time::timeout(Duration::from_millis(100), last.writer.lost()).await.is_ok();
        assert!(!cut, "the last word of {last:?} was cut off");
        last.writer.send(b"thank you").await.unwrap();
        last.writer.finish().await.unwrap();
    }
}

#[tokio::test]
async fn a_site_that_stops_and_starts_again_is_found_again() {
    let mut site = Listening::start(Limits { stop: Duration::from_millis(200), ..Limits::default() }).await;
    let dialer = Dialer::default();
    let (mut a, _b) = site.session(&dialer).await;
    let (addr, target) = (site.addr.to_string(), site.target());
    let identity = site.stop().await;
    assert_eq!(soon(a.reader.next()).await, Err(ChannelError::Lost));
    assert!(matches!(soon(dialer.open(&target)).await, Err(DialError::Unreachable { .. })));
    let mut site = Listening::start_as(identity, &addr, Limits::default()).await;
    let (a, b) = site.session(&dialer).await;
    end(a, b).await;
}
