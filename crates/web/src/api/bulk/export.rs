//! `$export`: what there was at a moment, counted first and then handed out file by file.

use super::super::Api;
use super::super::access::{Access, Caller};
use super::super::call::Call;
use super::super::change;
use super::super::outcome::Refusal;
use super::asked::{members_of, read_asked};
use super::under_way::{State, UnderWay};
use super::{ERRORS, EXPORT, FILE_RESOURCES, accepted, job_of, manifest, under_way_still};
use axum::body::Body;
use axum::response::Response;
use sanad_node::jobs::{About, Export, ExportFile, Job, Work};
use sanad_node::site::now_ms;
use sanad_record::key::RESOURCE_TYPES;
use sanad_record::outgoing::rfc3339;
use sanad_store::{MomentWanted, StoreError, Whose};
use serde_json::json;
use tokio::task::block_in_place;

/// What an export is asked of.
pub(super) enum Level<'p> {
    System,
    Patients,
    Group(&'p str),
}

/// Whose records of a type this token is handed out; `None` if none. Whoever takes all of them has to be allowed to search
/// for them as well as to read them.
fn whose(caller: &Caller, about: &About, kind: &str) -> Option<Whose> {
    let read = caller.may(Some(kind), Access::Read).ok()?;
    let search = caller.may(Some(kind), Access::Search).ok()?;
    Some(match (about, read.or(search)) {
        (About::All, None) => Whose::All,
        (About::Patients, None) => Whose::Patients,
        (About::Only(patients), None) => Whose::Only(patients.iter().cloned().collect()),
        (About::All | About::Patients, Some(own)) => Whose::Only([own.to_owned()].into()),
        (About::Only(patients), Some(own)) => {
            Whose::Only(patients.iter().filter(|patient| *patient == own).cloned().collect())
        }
    })
}

pub(super) async fn begin(
    api: &Api,
    caller: &Caller,
    call: &Call,
    body: Body,
    level: Level<'_>,
) -> Result<Response, Refusal> {
    if !call.is_async {
        let what = "An export is answered later, at an address of its own. Ask with the header Prefer: respond-async.";
        return Err(Refusal::new(400, "required", what).at("Prefer"));
    }
    let mut asked = read_asked(call, body).await?;
    let (path, about) = match level {
        Level::System if asked.patients.is_some() => {
            let what = "patient is a parameter of Patient/$export and of Group/[id]/$export.";
            return Err(Refusal::new(400, "not-supported", what).at("patient"));
        }
        Level::System => (EXPORT.to_owned(), About::All),
        Level::Patients => {
            let named = asked.patients.take().map(|patients| About::Only(patients.into_iter().collect()));
            (format!("Patient/{EXPORT}"), named.unwrap_or(About::Patients))
        }
        Level::Group(id) => {
            let mut members = members_of(api, caller, id, &mut asked.notes)?;
            if let Some(named) = &asked.patients {
                members.retain(|patient| named.contains(patient));
            }
            (format!("Group/{id}/{EXPORT}"), About::Only(members.into_iter().collect()))
        }
    };
    let is_named = !asked.types.is_empty();
    let types = if is_named { asked.types } else { RESOURCE_TYPES.iter().map(|&kind| kind.to_owned()).collect() };
    let (types, hidden): (Vec<String>, Vec<String>) =
        types.into_iter().partition(|kind| whose(caller, &about, kind).is_some());
    if types.is_empty() || (is_named && !hidden.is_empty()) {
        return Err(Refusal::forbidden(
            "The token does not allow an export of this. Ask whoever made it for one with a wider scope.",
        ));
    }
    if asked.since_ms > 0 {
        asked.notes.push(
            "What was changed since is so by the clock of whoever wrote it. What came later from a site that was cut off is \
             not among it: export all from time to time."
                .to_owned(),
        );
    }
    let begun_ms = now_ms();
    let job = Job {
        id: change::new_id(),
        token: caller.token.id.clone(),
        request: address_of(call, &path),
        begun_ms,
        touched_ms: begun_ms,
        work: Work::Export(Export {
            types,
            about,
            since_ms: asked.since_ms,
            stamp: block_in_place(|| api.site().reader().newest_stamp())?,
            notes: asked.notes,
            files: None,
        }),
    };
    api.site().begin_job(job.clone()).await?;
    let status = format!("{}/{EXPORT}/{}", call.base, job.id);
    count(api, caller, job);
    Ok(accepted(status))
}

/// The address that an export was asked for at.
fn address_of(call: &Call, path: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(&call.pairs);
    let query = query.finish();
    let separator = if query.is_empty() { "" } else { "?" };
    format!("{}/{path}{separator}{query}", call.base)
}

/// A job of this token, if it is an export.
pub(super) fn export_of(api: &Api, caller: &Caller, id: &str) -> Result<(Job, Export), Refusal> {
    let job = job_of(api, caller, id)?;
    match job.work.clone() {
        Work::Export(export) => Ok((job, export)),
        Work::Import(_) => Err(Refusal::not_found()),
    }
}

pub(super) fn status(api: &Api, caller: &Caller, call: &Call, id: &str) -> Result<Response, Refusal> {
    let (job, export) = export_of(api, caller, id)?;
    let Some(files) = &export.files else {
        return match api.bulk().state(id) {
            Some(State::Going(progress)) => Ok(under_way_still(progress)),
            Some(State::Failed(refusal)) => Err(refusal),
            // The site was closed meanwhile.
            None => {
                count(api, caller, job);
                Ok(under_way_still("counting".to_owned()))
            }
        };
    };
    let at = format!("{}/{EXPORT}/{id}", call.base);
    let output = files.iter().enumerate().map(|(at_file, file)| {
        let url = format!("{at}/{}", file_name(at_file, file));
        json!({ "type": file.resource_type, "url": url, "count": file.count })
    });
    let error = json!({ "type": "OperationOutcome", "url": format!("{at}/{ERRORS}"), "count": export.notes.len() });
    let whole = json!({
        "transactionTime": rfc3339(job.begun_ms),
        "request": job.request,
        "requiresAccessToken": true,
        "output": output.collect::<Vec<_>>(),
        "error": if export.notes.is_empty() { json!([]) } else { json!([error]) },
    });
    Ok(manifest(&job, &whole))
}

pub(super) fn file_name(at: usize, file: &ExportFile) -> String {
    format!("{}.{}.ndjson", at + 1, file.resource_type)
}

/// What of a type an export is made of.
pub(super) fn wanted(caller: &Caller, export: &Export, kind: &str) -> Option<MomentWanted> {
    let at = RESOURCE_TYPES.binary_search(&kind).ok()?;
    Some(MomentWanted {
        resource_type: RESOURCE_TYPES[at],
        whose: whose(caller, &export.about, kind)?,
        since_ms: export.since_ms,
        stamp: export.stamp,
        after: String::new(),
        through: None,
    })
}

/// Counts what there is, in a task of its own, and notes the files that come of it.
fn count(api: &Api, caller: &Caller, mut job: Job) {
    let Some(under_way) = api.bulk().begin(&job.id, "counting".to_owned()) else { return };
    let (api, caller) = (api.clone(), caller.clone());
    tokio::spawn(async move {
        let Work::Export(export) = &mut job.work else { return };
        match files_of(&api, &caller, export, &under_way).await {
            Ok(Some(files)) => export.files = Some(files),
            // It was deleted.
            Ok(None) => return,
            Err(error) => return under_way.fail(error.into()),
        }
        job.touched_ms = now_ms();
        if let Err(error) = api.site().note_job(&job, None).await {
            under_way.fail(error.into());
        }
    });
}

/// The files of an export; `None` if it is wanted no more.
async fn files_of(
    api: &Api,
    caller: &Caller,
    export: &Export,
    under_way: &UnderWay,
) -> Result<Option<Vec<ExportFile>>, StoreError> {
    let (mut files, mut found) = (Vec::<ExportFile>::new(), 0u64);
    for (done, kind) in export.types.iter().enumerate() {
        let Some(mut wanted) = wanted(caller, export, kind) else { continue };
        let first = files.len();
        loop {
            if !under_way.say(format!("counting: {done} of {} types, {found} resources", export.types.len())) {
                return Ok(None);
            }
            let page = block_in_place(|| api.site().reader().ids_then(&wanted))?;
            found += page.items.len() as u64;
            for id in page.items {
                match files[first..].last_mut() {
                    Some(file) if file.count < FILE_RESOURCES => {
                        file.through = id;
                        file.count += 1;
                    }
                    last => {
                        let after = last.map_or_else(String::new, |file| file.through.clone());
                        files.push(ExportFile { resource_type: kind.clone(), after, through: id, count: 1 });
                    }
                }
            }
            match page.after {
                Some(after) => wanted.after = after,
                None => break,
            }
            tokio::task::yield_now().await;
        }
    }
    Ok(Some(files))
}
