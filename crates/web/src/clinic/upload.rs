//! A form with a file: one of our own, from this browser, with what a camera or a disk gave beside its fields.

use axum::extract::{FromRequest, FromRequestParts as _, Multipart, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::photo::PHOTO_BYTES_MAX;
use crate::FORM_BYTES_MAX;
use crate::app::{App, Visitor};
use crate::pages::Posted;
use crate::pages::failure::{self, Failure};

/// The largest body of such a form: one photo, and the fields of any form.
pub(crate) const UPLOAD_BYTES_MAX: usize = PHOTO_BYTES_MAX + FORM_BYTES_MAX;
/// The name of the field that holds the file.
const FILE: &str = "file";
/// Most fields that are read; none of our forms has as many.
const FIELDS_MAX: usize = 64;

/// What was sent. No `Debug`: it holds patient data.
pub(crate) struct Uploaded {
    pub posted: Posted,
    /// The bytes of the file; empty if none was chosen.
    pub file: Vec<u8>,
}

impl FromRequest<App> for Uploaded {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Uploaded, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await.map_err(|status| status.into_response())?;
        match read(Request::from_parts(parts, body), app).await {
            Ok((fields, file)) => Ok(Uploaded { posted: Posted::checked(app, visitor, fields)?, file }),
            Err(failure) => Err(failure::page(app, &visitor, failure)),
        }
    }
}

async fn read(request: Request, app: &App) -> Result<(Vec<(String, String)>, Vec<u8>), Failure> {
    let mut form = Multipart::from_request(request, app).await.map_err(|_| Failure::ForeignForm)?;
    let (mut fields, mut file) = (Vec::new(), Vec::new());
    let why = |error: axum::extract::multipart::MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Failure::TooLarge,
        _ => Failure::ForeignForm,
    };
    while let Some(part) = form.next_field().await.map_err(why)? {
        let name = part.name().unwrap_or_default().to_owned();
        let bytes = part.bytes().await.map_err(why)?;
        if name == FILE {
            file = bytes.to_vec();
        } else if fields.len() < FIELDS_MAX && bytes.len() <= FORM_BYTES_MAX {
            let text = String::from_utf8(bytes.to_vec()).map_err(|_| Failure::ForeignForm)?;
            fields.push((name, text));
        } else {
            return Err(Failure::TooLarge);
        }
    }
    Ok((fields, file))
}
