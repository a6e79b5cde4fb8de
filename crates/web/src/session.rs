//! Who is let in from the facility's network: a site screen code, wrong answers slowed down, sessions that end when idle.
//!
//! Everything lives in memory and dies with the process. Time comes in as an argument; randomness as one secret.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

/// A session that has not been used for this long is over: long enough for a procedure, short enough for a shift change.
pub const IDLE_MS_MAX: u64 = 15 * 60 * 1000;
/// How long it is remembered whose a locked session was, so that a form sent on it is kept for that person alone.
pub const LOCKED_MS_MAX: u64 = 12 * 60 * 60 * 1000;
/// How many screens may be signed in at once; the one idle for longest gives way. A large facility has some dozens.
pub const SESSIONS_MAX: usize = 256;
/// Wrong codes from one address that cost nothing: people mistype.
pub const FREE_TRIES: u32 = 3;
/// The longest wait after a wrong code.
pub const WAIT_MS_MAX: u64 = 15 * 60 * 1000;
/// The first wait; it doubles with every further wrong code.
const WAIT_MS_FIRST: u64 = 5_000;
/// Wrong codes from all addresses together in one [`WINDOW_MS`], after which no code is taken until the window ends.
/// At this pace guessing one of 10^8 codes takes about 16 years on average, however many addresses the guesser has.
pub const TRIES_PER_WINDOW_MAX: u32 = 60;
/// The window of [`TRIES_PER_WINDOW_MAX`].
pub const WINDOW_MS: u64 = 10 * 60 * 1000;
/// How many addresses are remembered; beyond that the one tried longest ago is forgotten, and the common window holds.
const ADDRESSES_MAX: usize = 1024;

/// Draws everything that must not be guessed from one secret of the process.
pub(crate) struct Secrets {
    key: [u8; 32],
    drawn: u64,
}

impl Secrets {
    /// From 32 random bytes, drawn afresh at every start.
    pub(crate) fn new(key: [u8; 32]) -> Secrets {
        Secrets { key, drawn: 0 }
    }

    /// The next token: 32 hexadecimal digits that nobody can guess and that never come again.
    pub(crate) fn token(&mut self) -> String {
        self.drawn += 1;
        self.derive("token", &self.drawn.to_be_bytes())[..32].to_owned()
    }

    /// The site's screen code: eight digits.
    pub(crate) fn screen_code(&self) -> String {
        let digest = self.hash("screen code", &[]);
        // 2^64 is so much larger than 10^8 that the remainder favours no code by more than 1 in 10^11.
        let number = u64::from_be_bytes(digest.as_bytes()[..8].try_into().unwrap_or_default());
        format!("{:08}", number % 100_000_000)
    }

    /// What a form of this browser must carry, so that no other site can fill it in.
    pub(crate) fn form_token(&self, browser: &str) -> String {
        self.derive("form", browser.as_bytes())[..32].to_owned()
    }

    /// Whether two texts are the same, in a time that does not tell how much of them is.
    pub(crate) fn same(&self, given: &str, expected: &str) -> bool {
        // Comparing two `blake3::Hash`es takes the same time whatever they hold.
        self.hash("same", given.as_bytes()) == self.hash("same", expected.as_bytes())
    }

    fn derive(&self, purpose: &str, about: &[u8]) -> String {
        self.hash(purpose, about).to_hex().to_string()
    }

    fn hash(&self, purpose: &str, about: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(purpose.as_bytes()).update(&[0]).update(about);
        hasher.finalize()
    }
}

/// The screens that are signed in, and who has been guessing.
pub(crate) struct Sessions {
    sessions: BTreeMap<[u8; 32], Session>,
    wrong: BTreeMap<IpAddr, Wrong>,
    window_start_ms: u64,
    window_wrong: u32,
}

/// One screen that is signed in, or was.
struct Session {
    last_ms: u64,
    /// After how long without use it locks.
    idle_ms_max: u64,
    /// Whose it is; `None` if it was opened with the screen code.
    person: Option<String>,
    /// Locked by hand.
    is_locked: bool,
}

impl Session {
    fn is_alive(&self, now_ms: u64) -> bool {
        !self.is_locked && now_ms.saturating_sub(self.last_ms) < self.idle_ms_max
    }

    /// Whether anything of it has to be remembered. Of a screen without a person nothing has to, once it is over.
    fn is_worth_keeping(&self, now_ms: u64) -> bool {
        self.is_alive(now_ms) || self.person.is_some() && now_ms.saturating_sub(self.last_ms) < LOCKED_MS_MAX
    }
}

/// How a session stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// There is none.
    None,
    /// It is used; the person if it is a person's.
    Alive(Option<String>),
    /// It was this person's, and is locked.
    Locked(String),
}

#[derive(Clone, Copy)]
struct Wrong {
    count: u32,
    last_ms: u64,
}

impl Sessions {
    pub(crate) fn new() -> Sessions {
        Sessions { sessions: BTreeMap::new(), wrong: BTreeMap::new(), window_start_ms: 0, window_wrong: 0 }
    }

    /// Takes note of a session that was opened with the screen code. Only a hash of the token is kept.
    pub(crate) fn open(&mut self, token: &str, now_ms: u64) {
        self.insert(token, Session { last_ms: now_ms, idle_ms_max: IDLE_MS_MAX, person: None, is_locked: false });
    }

    /// Takes note of a person's session, which locks after so long without use.
    pub(crate) fn open_for(&mut self, token: &str, person: &str, idle_ms_max: u64, now_ms: u64) {
        let person = Some(person.to_owned());
        self.insert(token, Session { last_ms: now_ms, idle_ms_max, person, is_locked: false });
    }

    fn insert(&mut self, token: &str, session: Session) {
        let now_ms = session.last_ms;
        self.sessions.retain(|_, session| session.is_worth_keeping(now_ms));
        if self.sessions.len() >= SESSIONS_MAX {
            // The locked ones first: of them nobody sees anything any more.
            let oldest = self.sessions.iter().min_by_key(|(_, session)| (session.is_alive(now_ms), session.last_ms));
            let oldest = oldest.map(|(token, _)| *token);
            oldest.map(|token| self.sessions.remove(&token));
        }
        self.sessions.insert(kept_as(token), session);
    }

    /// How this session stands; being asked with `is_used` keeps it alive.
    pub(crate) fn standing(&mut self, token: &str, is_used: bool, now_ms: u64) -> Standing {
        let key = kept_as(token);
        match self.sessions.get_mut(&key) {
            Some(session) if session.is_alive(now_ms) => {
                if is_used {
                    session.last_ms = now_ms.max(session.last_ms);
                }
                Standing::Alive(session.person.clone())
            }
            Some(session) if session.is_worth_keeping(now_ms) => {
                // Once it was found locked it stays so, whatever the clock does.
                session.is_locked = true;
                session.person.clone().map_or(Standing::None, Standing::Locked)
            }
            Some(_) => {
                self.sessions.remove(&key);
                Standing::None
            }
            None => Standing::None,
        }
    }

    /// Whether this session is alive; being asked keeps it so.
    #[cfg(test)]
    fn touch(&mut self, token: &str, now_ms: u64) -> bool {
        matches!(self.standing(token, true, now_ms), Standing::Alive(_))
    }

    /// Whether this session is alive; being asked does not keep it so.
    pub(crate) fn is_alive(&self, token: &str, now_ms: u64) -> bool {
        self.sessions.get(&kept_as(token)).is_some_and(|session| session.is_alive(now_ms))
    }

    /// Locks a session; whose it was is remembered.
    pub(crate) fn lock(&mut self, token: &str) {
        if let Some(session) = self.sessions.get_mut(&kept_as(token)) {
            session.is_locked = true;
        }
    }

    /// Ends a session.
    pub(crate) fn close(&mut self, token: &str) {
        self.sessions.remove(&kept_as(token));
    }

    /// How long this address has to wait before its next code is looked at; zero if not at all.
    pub(crate) fn wait_ms(&mut self, address: IpAddr, now_ms: u64) -> u64 {
        if now_ms.saturating_sub(self.window_start_ms) >= WINDOW_MS {
            (self.window_start_ms, self.window_wrong) = (now_ms, 0);
        }
        let common = if self.window_wrong >= TRIES_PER_WINDOW_MAX {
            (self.window_start_ms + WINDOW_MS).saturating_sub(now_ms)
        } else {
            0
        };
        let own = self.wrong.get(&neighbourhood(address)).map_or(0, |wrong| {
            let Some(doublings) = wrong.count.checked_sub(FREE_TRIES) else { return 0 };
            let wait_ms = WAIT_MS_FIRST.saturating_mul(1 << doublings.min(20)).min(WAIT_MS_MAX);
            (wrong.last_ms + wait_ms).saturating_sub(now_ms)
        });
        common.max(own)
    }

    /// Takes note of a wrong code.
    pub(crate) fn wrong(&mut self, address: IpAddr, now_ms: u64) {
        self.window_wrong = self.window_wrong.saturating_add(1);
        let address = neighbourhood(address);
        if self.wrong.len() >= ADDRESSES_MAX && !self.wrong.contains_key(&address) {
            let oldest = self.wrong.iter().min_by_key(|(_, wrong)| wrong.last_ms).map(|(address, _)| *address);
            oldest.map(|address| self.wrong.remove(&address));
        }
        let wrong = self.wrong.entry(address).or_insert(Wrong { count: 0, last_ms: now_ms });
        *wrong = Wrong { count: wrong.count.saturating_add(1), last_ms: now_ms };
    }

    /// Takes note of a right code: this address starts afresh.
    pub(crate) fn right(&mut self, address: IpAddr) {
        self.wrong.remove(&neighbourhood(address));
    }
}

/// What is kept of a token: whoever reads this memory cannot sign in with it.
fn kept_as(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

/// The address that is slowed down: of IPv6 the first 64 bits, because one device may take any of the rest.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 168, 1, last])
    }

    #[test]
    fn the_code_is_eight_digits_and_follows_the_secret() {
        let code = Secrets::new([7; 32]).screen_code();
        assert!(code.len() == 8 && code.bytes().all(|digit| digit.is_ascii_digit()));
        assert_eq!(code, Secrets::new([7; 32]).screen_code());
        assert_ne!(code, Secrets::new([8; 32]).screen_code());
    }

    #[test]
    fn tokens_differ_and_forms_belong_to_their_browser() {
        let mut secrets = Secrets::new([7; 32]);
        let (first, second) = (secrets.token(), secrets.token());
        assert_ne!(first, second);
        assert_ne!(secrets.form_token(&first), secrets.form_token(&second));
        assert!(secrets.same("a", "a") && !secrets.same("a", "b"));
    }

    #[test]
    fn a_session_ends_when_idle_and_lives_while_used() {
        let mut sessions = Sessions::new();
        sessions.open("token", 0);
        assert!(sessions.touch("token", IDLE_MS_MAX - 1));
        assert!(sessions.touch("token", 2 * IDLE_MS_MAX - 2));
        assert!(!sessions.touch("token", 3 * IDLE_MS_MAX));
        assert!(!sessions.touch("token", 0), "an ended session does not come back");
        assert!(!sessions.touch("another", 0));
        sessions.open("listening", 0);
        assert!(sessions.is_alive("listening", IDLE_MS_MAX - 1) && !sessions.is_alive("listening", IDLE_MS_MAX));
        assert!(!sessions.is_alive("another", 0));
    }

    #[test]
    fn a_persons_screen_locks_and_is_remembered_as_theirs() {
        let mut sessions = Sessions::new();
        sessions.open_for("token", "Heron", 1_000, 0);
        assert_eq!(sessions.standing("token", true, 900), Standing::Alive(Some("Heron".to_owned())));
        assert_eq!(sessions.standing("token", false, 1_800), Standing::Alive(Some("Heron".to_owned())));
        assert_eq!(sessions.standing("token", true, 1_900), Standing::Locked("Heron".to_owned()));
        assert_eq!(sessions.standing("token", true, 0), Standing::Locked("Heron".to_owned()), "it stays locked");
        assert!(!sessions.is_alive("token", 0));
        assert_eq!(sessions.standing("token", true, 900 + LOCKED_MS_MAX), Standing::None);
        sessions.open_for("hidden", "Heron", 1_000, 0);
        sessions.lock("hidden");
        assert_eq!(sessions.standing("hidden", true, 1), Standing::Locked("Heron".to_owned()));
        sessions.close("hidden");
        assert_eq!(sessions.standing("hidden", true, 1), Standing::None);
    }

    #[test]
    fn the_longest_idle_screen_gives_way() {
        let mut sessions = Sessions::new();
        for number in 0..=SESSIONS_MAX {
            sessions.open(&number.to_string(), number as u64);
        }
        assert!(!sessions.touch("0", 300) && sessions.touch("1", 300));
    }

    #[test]
    fn guessing_from_one_address_gets_slower_and_a_right_code_forgives() {
        let mut sessions = Sessions::new();
        for _ in 0..FREE_TRIES {
            assert_eq!(sessions.wait_ms(address(1), 0), 0);
            sessions.wrong(address(1), 0);
        }
        assert_eq!(sessions.wait_ms(address(1), 0), WAIT_MS_FIRST);
        sessions.wrong(address(1), WAIT_MS_FIRST);
        assert_eq!(sessions.wait_ms(address(1), WAIT_MS_FIRST), 2 * WAIT_MS_FIRST);
        for _ in 0..40 {
            sessions.wrong(address(1), 0);
        }
        assert_eq!(sessions.wait_ms(address(1), 0), WAIT_MS_MAX);
        assert_eq!(sessions.wait_ms(address(2), 0), 0, "another address is not punished");
        sessions.right(address(1));
        assert_eq!(sessions.wait_ms(address(1), 0), 0);
    }

    #[test]
    fn guessing_from_many_addresses_closes_the_window_for_all() {
        let mut sessions = Sessions::new();
        let now_ms = 10 * WINDOW_MS;
        assert_eq!(sessions.wait_ms(address(0), now_ms), 0);
        for number in 0..TRIES_PER_WINDOW_MAX {
            sessions.wrong(address(number as u8), now_ms);
        }
        assert_eq!(sessions.wait_ms(address(200), now_ms + 1), WINDOW_MS - 1);
        assert_eq!(sessions.wait_ms(address(200), now_ms + WINDOW_MS), 0);
    }

    #[test]
    fn one_device_with_many_ipv6_addresses_is_one() {
        let mut sessions = Sessions::new();
        let address = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        for last in 0..4 {
            sessions.wrong(address(last), 0);
        }
        assert!(sessions.wait_ms(address(99), 0) > 0);
    }
}
