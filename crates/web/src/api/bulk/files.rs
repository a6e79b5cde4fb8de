//! The files of an export, read from the store while they are handed out.

use super::super::Api;
use super::super::access::Caller;
use super::super::outcome::{Refusal, outcome};
use super::super::reply::leaving;
use super::export::{export_of, file_name, wanted};
use super::{FHIR_NDJSON, ndjson, respond_with};
use axum::body::Body;
use axum::http::header;
use axum::response::Response;
use bytes::Bytes;
use futures_core::Stream;
use sanad_node::export::one_line;
use sanad_store::{MomentPage, MomentWanted, Resource, StoreError};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::block_in_place;

/// Resources that are read at once, and their bytes: what one download holds in memory.
const PAGE_RESOURCES: usize = 200;
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Pages that wait for a slow reader.
const PAGES_WAITING: usize = 1;

/// What was asked for and was not done.
pub(super) fn errors(api: &Api, caller: &Caller, id: &str) -> Result<Response, Refusal> {
    let (_, export) = export_of(api, caller, id)?;
    let lines = export.notes.iter().map(|note| format!("{}\n", outcome("warning", "not-supported", note, None)));
    Ok(ndjson(lines.collect::<String>()))
}

/// One file.
pub(super) fn file(api: &Api, caller: &Caller, id: &str, name: &str) -> Result<Response, Refusal> {
    let (_, export) = export_of(api, caller, id)?;
    let no_such_file =
        || Refusal::new(404, "not-found", "There is no such file in this export. Its status names them.");
    let at = name.split('.').next().and_then(|at| at.parse::<usize>().ok()?.checked_sub(1)).ok_or_else(no_such_file)?;
    let found = export.files.as_ref().and_then(|files| files.get(at)).filter(|file| file_name(at, file) == name);
    let found = found.ok_or_else(no_such_file)?;
    let mut wanted = wanted(caller, &export, &found.resource_type).ok_or_else(no_such_file)?;
    wanted.after = found.after.clone();
    wanted.through = Some(found.through.clone());
    let permit = api.bulk().transfer()?;
    // What cannot be read at all is said as an answer; what cannot be read later ends the answer where it is.
    let first = page(api, &wanted)?;
    let (send, receive) = mpsc::channel(PAGES_WAITING);
    tokio::spawn(hand_out(api.clone(), caller.clone(), wanted, first, send, permit));
    let headers = [(header::ACCEPT_RANGES, "none".to_owned()), (header::CONTENT_TYPE, FHIR_NDJSON.to_owned())];
    Ok(respond_with(200, headers, Body::from_stream(Pages(receive))))
}

fn page(api: &Api, wanted: &MomentWanted) -> Result<MomentPage<Resource>, StoreError> {
    block_in_place(|| api.site().reader().resources_then(wanted, PAGE_RESOURCES, PAGE_BYTES))
}

async fn hand_out(
    api: Api,
    caller: Caller,
    mut wanted: MomentWanted,
    mut next: MomentPage<Resource>,
    send: mpsc::Sender<Result<Bytes, StoreError>>,
    _permit: OwnedSemaphorePermit,
) {
    loop {
        api.opened(&caller, &next.items);
        let lines: Vec<u8> = next.items.iter().flat_map(line_of).collect();
        if !lines.is_empty() && send.send(Ok(lines.into())).await.is_err() {
            // Nobody reads any more.
            return;
        }
        let Some(after) = next.after else { return };
        wanted.after = after;
        next = match page(&api, &wanted) {
            Ok(next) => next,
            // An answer that ends in an error is seen to be broken off.
            Err(error) => return drop(send.send(Err(error)).await),
        };
    }
}

/// A resource as a line of NDJSON.
fn line_of(resource: &Resource) -> Vec<u8> {
    let leaving = leaving(resource);
    let mut line = one_line(leaving.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&leaving));
    line.push(b'\n');
    line
}

/// What is handed out, page by page.
struct Pages(mpsc::Receiver<Result<Bytes, StoreError>>);

impl Stream for Pages {
    type Item = Result<Bytes, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
