//! What is taken back at the medicines of a patient: a hold, and an allergy that was wrong. Each is a new version; what stood
//! before stays in the history.

use std::cell::Cell;
use std::rc::Rc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_record::formulary::allergy::{Standing, allergies, withdrawn};
use sanad_record::formulary::resumed;
use sanad_record::key::ResourceKey;

use super::bedside::{Bed, stored};
use super::medicines::{home, order_of, page};
use super::sheet::Sheet;
use super::write::Writing;
use crate::app::App;
use crate::pages::Posted;
use crate::pages::failure::Failure;

/// `POST /patients/{id}/orders/{rid}/resume`: an order is on hold no more.
pub(crate) async fn resume(
    State(app): State<App>,
    Path((id, rid)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let mut writing = Writing::begin(app, &posted)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        if writing.is_saved()? {
            return Ok(Redirect::to(&home(&bed)).into_response());
        }
        order_of(&bed, &rid).ok_or(Failure::Missing)?;
        let key = ResourceKey::new("MedicationRequest", &*rid).map_err(|_| Failure::Missing)?;
        // Judged as it stands when it is saved: somebody else may have stopped it meanwhile.
        let refused = Rc::new(Cell::new(false));
        let told = Rc::clone(&refused);
        writing.edit(key, move |request| {
            let after = resumed(request);
            told.set(after.is_err());
            after.ok()
        });
        writing.save()?;
        if refused.get() && !Writing::begin(app, &posted)?.is_saved()? {
            let mut s = Sheet::default();
            s.refuse("all", app.voice(visitor.lang).t("order-not-held"));
            return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s);
        }
        Ok(Redirect::to(&home(&bed)).into_response())
    })
    .await
}

/// `POST /patients/{id}/allergies/withdraw`: an allergy was written by mistake, or was ruled out. All its records are.
pub(crate) async fn withdraw(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        let mut writing = Writing::begin(app, &posted)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        if writing.is_saved()? {
            return Ok(Redirect::to(&home(&bed)).into_response());
        }
        let to = match posted.field("wrong") {
            "error" => Some(Standing::InError),
            "refuted" => Some(Standing::Refuted),
            _ => None,
        };
        let chosen = posted.field("allergy").to_owned();
        let all = allergies(&stored(bed.chart.of("AllergyIntolerance")));
        let chosen = all.into_iter().find(|allergy| allergy.sources.contains(&chosen));
        let (Some(to), Some(chosen)) = (to, chosen) else {
            s.refuse("wrong", v.t("allergy-wrong-missing"));
            return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s);
        };
        // Judged as it stands when it is saved: somebody else may have withdrawn it meanwhile.
        let changed = Rc::new(Cell::new(0_u32));
        for source in &chosen.sources {
            let key = ResourceKey::new("AllergyIntolerance", source).map_err(|_| Failure::Broken)?;
            let told = Rc::clone(&changed);
            writing.edit(key, move |allergy| {
                let after = withdrawn(allergy, to).ok()?;
                told.set(told.get() + 1);
                Some(after)
            });
        }
        writing.save()?;
        if changed.get() == 0 && !Writing::begin(app, &posted)?.is_saved()? {
            s.refuse("wrong", v.t("allergy-withdrawn-already"));
            return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s);
        }
        Ok(Redirect::to(&home(&bed)).into_response())
    })
    .await
}
