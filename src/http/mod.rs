//! The web: the page, its assets, health and counters. The WebSocket comes from outside, as a route of its own.
//!
//! Every answer carries the same fixed headers (`headers`). There are no cookies, no sessions and no forms; whoever
//! has a link has its secret in the fragment, which browsers do not send. This module knows neither SIP nor media.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Extension, Router,
    extract::ConnectInfo,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};

pub use self::{
    error::Error,
    headers::Scheme,
    listen::{BindError, Listeners},
    metrics::{Kind, Label, Metric, Sample},
};

mod assets;
mod error;
mod headers;
mod listen;
mod metrics;

/// What the routes need.
#[derive(Clone)]
pub struct Site {
    /// Answers `/ws`; the browser door's.
    pub socket: Router,
    /// Tells the counters at the moment of asking.
    pub metrics: Arc<dyn Fn() -> Vec<Metric> + Send + Sync>,
    /// Tells whether all that calls need runs.
    pub healthy: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site").finish_non_exhaustive()
    }
}

/// Returns all routes with the headers that belong to the scheme.
pub fn app(site: Site, scheme: Scheme) -> Router {
    let (metrics, healthy) = (site.metrics, site.healthy);
    Router::new()
        .route("/", get(assets::page))
        .route("/assets/{*path}", get(assets::asset))
        .route("/health", get(move || async move { health(healthy()) }))
        .route(
            "/metrics",
            get(move |source| async move { counters(source, &metrics()) }),
        )
        .merge(site.socket)
        .fallback(|| async { Error::NotFound })
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
        .layer(middleware::from_fn(move |request, next| {
            headers::fix(scheme, request, next)
        }))
}

/// Whoever watches the machine restarts it at the second answer.
fn health(healthy: bool) -> (StatusCode, &'static str) {
    if healthy {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "a media worker has ended\n",
        )
    }
}

/// Counters are for whoever runs the machine: other addresses are told that there is nothing.
fn counters(source: Option<Extension<ConnectInfo<SocketAddr>>>, metrics: &[Metric]) -> Response {
    let outside =
        source.is_some_and(|Extension(ConnectInfo(from))| !from.ip().to_canonical().is_loopback());
    if outside {
        return Error::NotFound.into_response();
    }
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, kind)],
        metrics::render(metrics),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        http::{Method, Request},
    };
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn every_answer_carries_the_fixed_headers() {
        for (method, path) in [
            (Method::GET, "/"),
            (Method::GET, "/health"),
            (Method::GET, "/metrics"),
            (Method::GET, "/nothing"),
            (Method::GET, "/assets/nothing.js"),
            (Method::GET, "/assets/..%2f..%2fCargo.toml"),
            (Method::POST, "/health"),
            (Method::HEAD, "/health"),
            (Method::GET, "/ws"),
        ] {
            let answer = ask(Scheme::Https, method.clone(), path).await;
            for (name, value) in [
                ("content-security-policy", headers::POLICY),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cross-origin-opener-policy", "same-origin"),
                ("strict-transport-security", "max-age=31536000"),
            ] {
                let found = answer.headers().get(name).map(|v| v.to_str().unwrap());
                assert_eq!(found, Some(value), "{method} {path} {name}");
            }
            let permissions = answer.headers()["permissions-policy"].to_str().unwrap();
            assert!(permissions.contains("microphone=(self)"));
            assert!(permissions.contains("camera=()"));
            // Chromium logs a feature that it does not know.
            assert!(!permissions.contains("bluetooth"));
            assert!(answer.headers().get("set-cookie").is_none());
            assert!(answer.headers().get("server").is_none());
        }
    }

    #[tokio::test]
    async fn plain_http_does_not_promise_https() {
        let answer = ask(Scheme::Http, Method::GET, "/").await;
        assert!(!answer.headers().contains_key("strict-transport-security"));
    }

    #[tokio::test]
    async fn the_page_is_never_kept() {
        let answer = ask(Scheme::Http, Method::GET, "/").await;
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    }

    #[tokio::test]
    async fn unknown_paths_and_methods_are_answered_with_a_code() {
        for (method, path, status, code) in [
            (Method::GET, "/nothing", StatusCode::NOT_FOUND, "not-found"),
            (
                Method::GET,
                "/assets/x.js",
                StatusCode::NOT_FOUND,
                "not-found",
            ),
            (
                Method::GET,
                "/assets/%ff",
                StatusCode::BAD_REQUEST,
                "malformed",
            ),
            (
                Method::POST,
                "/",
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
            ),
        ] {
            let answer = ask(Scheme::Http, method, path).await;
            assert_eq!(answer.status(), status);
            assert_eq!(text(answer).await, format!("{{\"error\":\"{code}\"}}\n"));
        }
    }

    #[tokio::test]
    async fn health_is_one_word() {
        let answer = ask(Scheme::Http, Method::GET, "/health").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(text(answer).await, "ok\n");
    }

    #[tokio::test]
    async fn health_says_if_a_worker_has_ended() {
        let site = Site {
            healthy: Arc::new(|| false),
            ..site()
        };
        let request = Request::get("/health").body(Body::empty()).unwrap();
        let answer = app(site, Scheme::Http).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(text(answer).await, "a media worker has ended\n");
    }

    #[tokio::test]
    async fn counters_are_told_on_the_machine_only() {
        for (from, status) in [
            (Some("127.0.0.1:5"), StatusCode::OK),
            (Some("[::1]:5"), StatusCode::OK),
            (Some("192.0.2.1:5"), StatusCode::NOT_FOUND),
            (None, StatusCode::OK),
        ] {
            let mut request = Request::get("/metrics").body(Body::empty()).unwrap();
            if let Some(from) = from {
                let from: SocketAddr = from.parse().unwrap();
                request.extensions_mut().insert(ConnectInfo(from));
            }
            let answer = app(site(), Scheme::Http).oneshot(request).await.unwrap();
            assert_eq!(answer.status(), status, "{from:?}");
        }
    }

    async fn ask(scheme: Scheme, method: Method, path: &str) -> Response {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        app(site(), scheme).oneshot(request).await.unwrap()
    }

    async fn text(answer: Response) -> String {
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn site() -> Site {
        Site {
            socket: Router::new(),
            metrics: Arc::new(Vec::new),
            healthy: Arc::new(|| true),
        }
    }
}
