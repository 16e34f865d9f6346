//! The page and its assets, embedded at build time from `web/dist`, so that nothing is loaded from elsewhere.

use std::borrow::Cow;

use axum::{
    body::Bytes,
    extract::{Path, rejection::PathRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::Error;

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Dist;

/// Answers with the page.
pub(super) async fn page() -> Response {
    match Dist::get("index.html") {
        Some(file) => answer("index.html", file, "no-store"),
        None => (Error::PageMissing.status(), MISSING).into_response(),
    }
}

/// Answers with an asset; its name carries a hash of its content, so it never changes.
pub(super) async fn asset(path: Result<Path<String>, PathRejection>) -> Response {
    let Ok(Path(path)) = path else {
        return Error::Malformed.into_response();
    };
    let path = format!("assets/{path}");
    match Dist::get(&path) {
        Some(file) => answer(&path, file, "public, max-age=31536000, immutable"),
        None => Error::NotFound.into_response(),
    }
}

fn answer(path: &str, file: EmbeddedFile, cache: &'static str) -> Response {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let kind = if kind.type_() == mime_guess::mime::TEXT {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_string()
    };
    let kind = HeaderValue::try_from(kind).expect("a media type is a header value");
    let body = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    (StatusCode::OK, headers, body).into_response()
}

/// What a browser shows when the server was built before the page.
const MISSING: &str = "Die Seite ist in diesem Programm nicht enthalten: `make build` baut sie und das Programm.\n\
    The page is not part of this program: `make build` builds both.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_of_the_page_has_a_hash_in_its_name() {
        for path in Dist::iter().filter(|path| path != "index.html") {
            let stem = path
                .rsplit('/')
                .next()
                .and_then(|name| name.split('.').next());
            let hash = stem.and_then(|stem| stem.rsplit('-').next());
            assert!(
                path.starts_with("assets/") && hash.is_some_and(|hash| hash.len() == 8),
                "{path}"
            );
        }
    }

    #[test]
    fn a_file_is_told_with_kind_and_cache() {
        let file = EmbeddedFile {
            data: Cow::Borrowed(b"x"),
            metadata: rust_embed::Metadata::__rust_embed_new([0; 32], None, None),
        };
        let answer = answer("assets/main-ABCDEFGH.js", file, "immutable");
        assert_eq!(
            answer.headers()[header::CONTENT_TYPE],
            "text/javascript; charset=utf-8"
        );
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "immutable");
    }
}
