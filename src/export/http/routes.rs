//! Which request gets which answer. Read-only: GET and HEAD, no bodies, no parameters.

use super::shown::{Output, Shown};
use crate::export::{collector, page};
use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};

const PLAIN: &str = "text/plain; charset=utf-8";

/// The answer to a request.
pub(super) fn answer<B: Body>(request: &Request<B>, shown: &Shown) -> Response<Full<Bytes>> {
    let mut response = match request.uri().path() {
        _ if !request.body().is_end_stream() => {
            // What we do not read we can not skip: the connection ends.
            let mut response = text(StatusCode::PAYLOAD_TOO_LARGE, "no request body is read\n");
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
        "/" | "/metrics" | "/-/healthy" | "/-/ready" | "/api/v1/asns"
            if !matches!(*request.method(), Method::GET | Method::HEAD) =>
        {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
        "/" => output(shown, Output::Page, "text/html; charset=utf-8"),
        "/metrics" => output(shown, Output::Metrics, collector::TEXT_FORMAT),
        "/api/v1/asns" => output(shown, Output::Json, "application/json"),
        "/-/healthy" => text(StatusCode::OK, "healthy\n"),
        "/-/ready" if shown.is_ready() => text(StatusCode::OK, "ready\n"),
        "/-/ready" => text(
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: no second judged yet, or an ASN source is not loaded\n",
        ),
        _ => text(StatusCode::NOT_FOUND, "not found\n"),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(page::CONTENT_SECURITY_POLICY),
    );
    response
}

fn output(shown: &Shown, which: Output, kind: &'static str) -> Response<Full<Bytes>> {
    match shown.render(which) {
        Ok(body) => {
            let mut response = Response::new(Full::new(body));
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            response
        }
        Err(error) => {
            let mut response = text(StatusCode::INTERNAL_SERVER_ERROR, "");
            *response.body_mut() = Full::new(Bytes::from(error + "\n"));
            response
        }
    }
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(PLAIN));
    response
}
