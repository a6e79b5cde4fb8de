//! The style sheet, the script and the mark, embedded, under names that change with their content so that they may be kept for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// One asset as it is served.
struct Asset {
    /// `sanad.0123456789abcdef.css`
    name: String,
    kind: &'static str,
    bytes: Vec<u8>,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| Files::iter().filter_map(|path| asset(&path)).collect());

fn asset(path: &str) -> Option<Asset> {
    let bytes = Files::get(path)?.data.into_owned();
    let (stem, extension) = path.rsplit_once('.')?;
    let kind = match extension {
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "js" => "text/javascript; charset=utf-8",
        _ => return None,
    };
    let hash = blake3::hash(&bytes).to_hex();
    Some(Asset { name: format!("{stem}.{}.{extension}", &hash[..16]), kind, bytes })
}

/// Where the asset of that file is served.
pub(crate) fn url(path: &str) -> String {
    let (stem, extension) = path.rsplit_once('.').unwrap_or((path, ""));
    let found = ASSETS.iter().find(|asset| {
        asset.name.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.') && rest.ends_with(extension))
    });
    found.map_or_else(String::new, |asset| format!("/assets/{}", asset.name))
}

/// Serves an asset.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => {
            let headers =
                [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
            (headers, asset.bytes.as_slice()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_named_after_its_content() {
        let css = url("sanad.css");
        assert!(css.starts_with("/assets/sanad.") && css.ends_with(".css") && css.len() > 30, "{css}");
        assert!(url("mark.svg").ends_with(".svg"));
        assert_eq!(url("nothing.css"), "");
    }
}
