//! What all pages share: the source, the voices, who is signed in, what was searched.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::response::Response;
use sanad_node::people::Person;
use sanad_node::roles::Capability;
use sanad_node::site::Site;
use time::UtcOffset;
use tokio::sync::{OnceCell, watch};

use crate::api::audit::Opened;
use crate::clinic::board::Board;
use crate::events::Listeners;
use crate::guard::Client;
use crate::kept::KeptForms;
use crate::moment::Calendar;
use crate::outbox::Outbox;
use crate::pages::failure::{self, Failure};
use crate::rights::{Need, Rights};
use crate::session::{Secrets, Sessions};
use crate::source::Source;
use crate::text::{BrokenMessages, Lang, Texts, Voice};

/// How many searches are kept at once, for the way back from a patient to the list; the oldest gives way.
const SEARCHES_MAX: usize = 256;

/// What the screens need beside their source.
pub struct Config {
    /// 32 random bytes, drawn afresh at every start: the screen code, sessions and forms follow from them.
    pub secret: [u8; 32],
    /// The wall clock, in milliseconds since 1970.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// The offset in which times are shown.
    pub utc_offset: UtcOffset,
    /// Names under which the site may be called beside `localhost` and addresses.
    pub host_names: Vec<String>,
    /// Says when pages are told of changes no more, because the process is about to end.
    pub until: watch::Receiver<bool>,
}

/// Why the screens cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The compiled-in messages are broken.
    #[error(transparent)]
    Messages(#[from] BrokenMessages),
}

/// Day or night, when the visitor chose it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Light {
    Day,
    Night,
}

impl Light {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Light::Day => "day",
            Light::Night => "night",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Light> {
        [Light::Day, Light::Night].into_iter().find(|light| light.name() == name)
    }
}

/// Who asks, as far as the guard has found out.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub lang: Lang,
    pub light: Option<Light>,
    /// Path and query of the request.
    pub path: String,
    /// The token of the browser's cookie, and whether the browser has yet to be given it.
    pub browser: String,
    pub new_browser: bool,
    /// The token of a session that is alive.
    pub session: Option<String>,
    /// Who is signed in; nobody where nobody has been added to the site yet.
    pub person: Option<Person>,
    /// Whose the session was that has locked.
    pub locked: Option<String>,
    /// What that person, or whoever is let in without one, may do.
    pub rights: Rights,
    /// Whether the request comes from this machine itself.
    pub local: bool,
    pub client: Client,
}

impl Visitor {
    /// Whether there is more to show than the door.
    pub(crate) fn is_let_in(&self) -> bool {
        self.rights.meet(Need::LetIn)
    }

    /// Whether the visitor's role has this.
    pub(crate) fn may(&self, capability: Capability) -> bool {
        self.rights.may(capability)
    }

    /// The call sign under which the visitor saves; `None` where nobody signs in yet.
    pub(crate) fn by(&self) -> Option<&str> {
        self.person.as_ref().map(|person| person.call_sign.as_str())
    }

    /// The same, or what was typed where nobody signs in yet: who is signed in cannot write in another's name.
    pub(crate) fn by_or<'a>(&'a self, typed: &'a str) -> &'a str {
        self.by().unwrap_or(typed.trim())
    }
}

/// Shared by all requests.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    source: Source,
    texts: Arc<Texts>,
    config: Config,
    secrets: Mutex<Secrets>,
    sessions: Mutex<Sessions>,
    searches: Mutex<VecDeque<(String, String)>>,
    listeners: Listeners,
    kept_forms: Mutex<KeptForms>,
    opened: Opened,
    board: Mutex<Board>,
    outbox: OnceCell<Outbox>,
}

impl App {
    pub(crate) fn new(source: Source, config: Config) -> Result<App, StartError> {
        let opened = Opened::default();
        if let Source::Site(site) = &source {
            let waiting = opened.clone();
            site.before_close(move |site| async move { waiting.flush(&site).await });
        }
        Ok(App(Arc::new(Inner {
            source,
            texts: Arc::new(Texts::load()?),
            secrets: Mutex::new(Secrets::new(config.secret)),
            config,
            sessions: Mutex::new(Sessions::new()),
            searches: Mutex::new(VecDeque::new()),
            listeners: Listeners::default(),
            kept_forms: Mutex::default(),
            opened,
            board: Mutex::default(),
            outbox: OnceCell::new(),
        })))
    }

    pub(crate) fn source(&self) -> &Source {
        &self.0.source
    }

    /// The site whose people sign in; `None` for a record that does not change.
    pub(crate) fn site(&self) -> Option<&Site> {
        match self.source() {
            Source::Site(site) => Some(site),
            Source::Fixed(_) => None,
        }
    }

    /// Whether people sign in by call sign and PIN.
    pub(crate) fn has_people(&self) -> bool {
        self.site().is_some_and(Site::has_people)
    }

    /// Writes down that a person opened these patients' charts. Nobody is written down where nobody signs in yet.
    pub(crate) fn opened<'p>(&self, visitor: &Visitor, patients: impl IntoIterator<Item = &'p String>) {
        if let (Some(site), Some(person)) = (self.site(), &visitor.person) {
            self.0.opened.note_person(site, person, patients.into_iter());
        }
    }

    /// The board as it is now.
    ///
    /// # Errors
    /// [`Failure::ReadOnly`] where the screens show a record that does not change; the record could not be read.
    pub(crate) fn board(&self) -> Result<MutexGuard<'_, Board>, Failure> {
        let site = self.clinic()?;
        let mut board = lock(&self.0.board);
        board.refresh(site, self.now_ms())?;
        Ok(board)
    }

    /// Forms that were sent on a locked screen.
    pub(crate) fn kept_forms(&self) -> MutexGuard<'_, KeptForms> {
        lock(&self.0.kept_forms)
    }

    /// What phones seal to, and what they sent that waits for a person.
    ///
    /// # Errors
    /// [`Failure::ReadOnly`] where the screens show a record that does not change; the site is being closed.
    pub(crate) async fn outbox(&self) -> Result<&Outbox, Failure> {
        let site = self.clinic()?;
        self.0.outbox.get_or_try_init(|| Outbox::of(site)).await.map_err(|_| Failure::Broken)
    }

    pub(crate) fn listeners(&self) -> &Listeners {
        &self.0.listeners
    }

    /// Says when the process is about to end.
    pub(crate) fn until(&self) -> watch::Receiver<bool> {
        self.0.config.until.clone()
    }

    pub(crate) fn now_ms(&self) -> u64 {
        (self.0.config.clock)()
    }

    pub(crate) fn host_names(&self) -> &[String] {
        &self.0.config.host_names
    }

    pub(crate) fn voice(&self, lang: Lang) -> Voice {
        Voice::new(self.0.texts.clone(), lang)
    }

    pub(crate) fn calendar(&self) -> Calendar {
        Calendar { now_ms: self.now_ms(), offset: self.0.config.utc_offset }
    }

    pub(crate) fn screen_code(&self) -> String {
        lock(&self.0.secrets).screen_code()
    }

    pub(crate) fn token(&self) -> String {
        lock(&self.0.secrets).token()
    }

    pub(crate) fn form_token(&self, browser: &str) -> String {
        lock(&self.0.secrets).form_token(browser)
    }

    pub(crate) fn same(&self, given: &str, expected: &str) -> bool {
        lock(&self.0.secrets).same(given, expected)
    }

    pub(crate) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.0.sessions)
    }

    /// Keeps what was searched for under a name that says nothing, so that the address of the list says nothing either.
    pub(crate) fn keep_search(&self, text: String) -> String {
        let name = self.token();
        let mut searches = lock(&self.0.searches);
        if searches.len() >= SEARCHES_MAX {
            searches.pop_front();
        }
        searches.push_back((name.clone(), text));
        name
    }

    /// What was searched for under that name, if it is still kept.
    pub(crate) fn search(&self, name: &str) -> Option<String> {
        lock(&self.0.searches).iter().find(|(kept, _)| kept == name).map(|(_, text)| text.clone())
    }

    /// Makes a page away from the threads that serve sockets, because reading the record may wait for the disk.
    pub(crate) async fn page<F>(&self, visitor: Visitor, make: F) -> Response
    where
        F: FnOnce(&App, &Visitor) -> Result<Response, Failure> + Send + 'static,
    {
        let (app, asker) = (self.clone(), visitor.clone());
        let made = tokio::task::spawn_blocking(move || {
            make(&app, &asker).unwrap_or_else(|failure| failure::page_within(&app, &asker, failure))
        });
        match made.await {
            Ok(response) => response,
            // The page panicked; the request ends in plain words and the others go on.
            Err(_) => failure::page(self, &visitor, Failure::Broken),
        }
    }
}

/// A lock that survives a panic elsewhere: what is behind these locks is whole after every statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
