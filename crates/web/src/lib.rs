//! The screens of a site: server-rendered pages in Arabic and English. All of them work without a script; the one that
//! there is says when something has changed.
//!
//! [`router`] gives the pages as an axum router. What they show comes from a [`Source`]; what each page shows is a plain
//! struct in [`model`]. The caller may rely on, and the tests hold:
//! - text from records is escaped wherever it is shown, and never stands in a title or an address;
//! - nothing a page carries loads, runs or frames anything but what is this site's own
//!   ([`guard::CONTENT_SECURITY_POLICY`]), and nothing is kept by the browser but the style sheet, the script and the mark;
//! - a page that is open never changes under the hand of whoever reads it, except for the numbers in its header;
//! - a stranger on the facility's network sees nothing without the site's screen code, and guessing it is slowed down;
//! - a page of another site can neither read these pages (the host is checked) nor fill in their forms.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api;
mod app;
mod assets;
mod candidates;
mod clinic;
mod events;
mod fhir;
mod figure;
pub mod fixed;
pub mod guard;
mod kept;
pub mod model;
mod moment;
mod outbox;
mod pages;
mod rights;
pub mod session;
mod source;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod text;

pub use app::{Config, StartError};
pub use guard::Client;
/// For templates: `f.may(crate::Can::Prescribe)`.
pub(crate) use sanad_node::roles::Capability as Can;
pub use source::{Source, SourceError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post, post_service};

/// The largest form that is read. A browser sends an Arabic letter as six bytes: a form of some hundred fields with a note
/// of a few pages is about 50 kB.
pub const FORM_BYTES_MAX: usize = 64 * 1024;

/// The screens of a site, and the eight-digit screen code that lets other devices on the network see them.
///
/// The router may be merged with others; its checks and headers apply to its own pages only, and to addresses that
/// nobody knows. Whoever accepts connections puts a [`Client`] into each request's extensions, or serves with
/// `ConnectInfo<SocketAddr>`; without either every client is a stranger, which is safe.
///
/// # Errors
/// [`StartError`] if the compiled-in messages are broken, which the tests rule out.
pub fn router(source: Source, config: Config) -> Result<(Router, String), StartError> {
    let app = app::App::new(source, config)?;
    let code = app.screen_code();
    let router = Router::new()
        .route("/", get(pages::overview::get))
        .route("/sites", get(pages::overview::sites))
        .route("/patients", get(pages::patients::get).post(pages::patients::post))
        .route("/patients/{id}", get(pages::patient::get))
        .route("/patients/{id}/{type}", get(pages::patient::kind))
        .route("/patients/{id}/{type}/{rid}", get(pages::resource::of_patient))
        .route("/resources/{type}/{rid}", get(pages::resource::get))
        .route("/resources/{type}/{rid}/versions/{version}", get(pages::resource::version))
        .route("/board", get(clinic::board_page::get))
        .route("/board/new", get(clinic::board_page::new).post(clinic::board_page::add))
        .route("/casualties/{id}", get(clinic::casualty::get).post(clinic::casualty::change))
        .route("/casualties/{id}/triage", get(clinic::casualty::sort_form).post(clinic::casualty::sort))
        .route("/board/event", post(clinic::board_page::event))
        .route(
            "/board/scan",
            get(clinic::scan::get)
                .post(clinic::scan::post)
                .layer(DefaultBodyLimit::max(clinic::upload::UPLOAD_BYTES_MAX)),
        )
        .route("/board/after", get(clinic::after::get))
        .route("/board/capacity", get(clinic::capacity::get).post(clinic::capacity::post))
        .route("/patients/{id}/vitals", get(clinic::vitals::get).post(clinic::vitals::post))
        .route("/patients/{id}/fluids", post(clinic::vitals::post_fluid))
        .route("/patients/{id}/injuries", get(clinic::injuries::get).post(clinic::injuries::post))
        .route("/patients/{id}/notes", get(clinic::notes::get).post(clinic::notes::post))
        .route(
            "/patients/{id}/photos",
            get(clinic::photos::get)
                .post(clinic::photos::post)
                .layer(DefaultBodyLimit::max(clinic::upload::UPLOAD_BYTES_MAX)),
        )
        .route("/patients/{id}/consult", get(clinic::consult::get).post(clinic::consult::post))
        .route("/patients/{id}/photos/{rid}", get(clinic::photos::image))
        .route("/patients/{id}/photos/{rid}/blur", get(clinic::photos::blur_form).post(clinic::photos::blur))
        .route("/patients/{id}/transfer", get(clinic::transfers::get).post(clinic::transfers::post))
        .route("/transfers", get(clinic::transfers::list))
        .route("/transfers/{id}", post(clinic::transfers::step))
        .route("/evacuation", get(clinic::transfers::queue))
        .route("/evacuation/list", get(clinic::transfers::paper))
        // Orders, and what is due of them.
        .route("/patients/{id}/medicines", get(clinic::medicines::get))
        .route("/patients/{id}/allergies", post(clinic::medicines::allergy))
        .route("/patients/{id}/doses", post(clinic::medicines::dose))
        .route("/patients/{id}/orders", get(clinic::prescribe::get).post(clinic::prescribe::post))
        .route("/patients/{id}/orders/{rid}/stop", post(clinic::medicines::stop))
        .route("/patients/{id}/orders/{rid}/resume", post(clinic::amend::resume))
        .route("/patients/{id}/allergies/withdraw", post(clinic::amend::withdraw))
        .route("/due", get(clinic::due::get))
        .route("/asks", get(pages::asks::get).post(pages::asks::ask))
        .route("/asks/answer", post(pages::asks::answer))
        .route("/conflicts", get(pages::conflicts::get))
        .route("/quarantine", get(pages::quarantine::get).post(pages::quarantine::adopt))
        .route("/sign-in", get(pages::sign_in::get).post(pages::sign_in::post))
        .route("/sign-out", post(pages::sign_in::out))
        .route("/lock", get(pages::door::lock).post(pages::door::keep))
        .route("/draft", get(pages::door::draft))
        .route("/hide", post(pages::door::hide))
        .route("/network", get(pages::door::network))
        .route("/alive", get(pages::door::alive))
        .route("/start", get(pages::start::get).post(pages::start::post))
        .route("/start/people", get(pages::start::people))
        .route("/start/gauges", get(pages::start::gauges))
        .route("/outbox/kept", get(pages::outbox::get).post(pages::outbox::seen_to))
        .route("/people", get(pages::people::get).post(pages::people::add))
        .route("/people/change", post(pages::people::change))
        .route("/people/lock", post(pages::people::lock_after))
        .route("/pin", get(pages::people::pin).post(pages::people::own_pin))
        // Paper.
        .route("/paper/tags", get(clinic::paper::tags))
        // Registration, and who is who.
        .route("/patients/new", get(clinic::registration::get).post(clinic::registration::post))
        .route("/patients/{id}/identity", get(clinic::identity::get).post(clinic::identity::post))
        .route("/patients/{id}/same", get(clinic::same::get).post(clinic::same::search))
        .route("/patients/{id}/same/{other}", get(clinic::same::two).post(clinic::same::decide))
        // The ward and the theatre.
        .route("/ward", get(clinic::ward::get).post(clinic::ward::post))
        .route("/ward/handover", get(clinic::ward::handover))
        .route("/theatre", get(clinic::theatre::list))
        .route("/patients/{id}/operations", get(clinic::theatre::get).post(clinic::theatre::post))
        .route("/language", post(pages::prefs::language))
        .route("/theme", post(pages::prefs::theme))
        // The chart.
        .route("/patients/{id}/timeline", get(clinic::timeline::get))
        .route("/resources/{type}/{rid}/settle", get(clinic::settle::get).post(clinic::settle::post))
        // Forms.
        .route("/patients/{id}/forms", get(clinic::forms::list))
        .route("/patients/{id}/forms/{form}", get(clinic::forms::fill::blank).post(clinic::forms::fill::fill))
        .route("/patients/{id}/responses/{rid}", get(clinic::forms::answered::get))
        .route("/patients/{id}/responses/{rid}/edit", get(clinic::forms::fill::edit).post(clinic::forms::fill::change))
        .route(events::PATH, get(events::get))
        .route("/assets/{name}", get(assets::serve))
        .fallback(pages::failure::missing)
        .method_not_allowed_fallback(pages::failure::wrong_way)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn_with_state(app.clone(), guard::guard))
        .with_state(app.clone());
    // A sealed form is opened in front of all pages, and sent on to its own.
    let pages = Router::new().fallback_service(router.clone()).layer(from_fn_with_state(app.clone(), outbox::open));
    let outbox = Router::new()
        .route("/outbox", post_service(pages))
        .layer(from_fn_with_state(app.clone(), guard::guard))
        .with_state(app);
    Ok((router.merge(outbox), code))
}
