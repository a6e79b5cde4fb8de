//! Two sessions between the same two sites at once, as when each dials the other.

use super::*;

/// Done, the last word of a session.
const DONE: u8 = 10;

/// Begins a session and carries it on as far as it goes without b's last word, which is returned.
fn but_for_the_last_word(session: SessionId, a: &mut Site, b: &mut Site) -> Vec<u8> {
    let connected = |initiator| Input::Connected { session, initiator, exporter: [session as u8; 32], expected: None };
    let mut queue: VecDeque<(usize, Effect)> = VecDeque::new();
    queue.extend(b.run(connected(false)).into_iter().map(|effect| (1, effect)));
    queue.extend(a.run(connected(true)).into_iter().map(|effect| (0, effect)));
    let mut last_word = Vec::new();
    while let Some((from, effect)) = queue.pop_front() {
        let Effect::Send { frame, .. } = effect else { continue };
        if from == 1 && frame[0] == DONE {
            last_word = frame;
            continue;
        }
        let receiver = if from == 0 { &mut *b } else { &mut *a };
        queue.extend(receiver.run(message(session, &frame, receiver)).into_iter().map(|effect| (1 - from, effect)));
    }
    last_word
}

fn message(session: SessionId, frame: &[u8], to: &Site) -> Input {
    Input::Message(session, decode(frame, &to.replica.network(), &Ed25519Verifier).unwrap())
}

/// What a site is known to hold never falls back to what an older session had told it.
#[test]
fn a_session_that_ends_late_does_not_cost_the_next_one_a_round_trip() {
    let network = Network::new();
    let mut cedar = network.founder(1);
    let mut haven = network.join(2, SiteKind::Haven, &mut cedar);
    cedar.save(9, Lane::Clinical, "first");
    quiet(&mut cedar, &mut haven);
    let late = but_for_the_last_word(20, &mut cedar, &mut haven);
    cedar.save(9, Lane::Clinical, "second");
    quiet(&mut cedar, &mut haven);
    cedar.run(message(20, &late, &cedar));
    let again = quiet(&mut cedar, &mut haven);
    assert_eq!(again.rounds, 1);
    assert!(again.bytes.iter().sum::<usize>() < 600, "{:?} bytes", again.bytes);
    assert_eq!(cedar.only_here(), 0);
}
