//! The answers of the endpoint: their bodies, and the headers that every one of them has.

use super::download::Download;
use super::live::EventStream;
use crate::export::page;
use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

pub(super) const PLAIN: &str = "text/plain; charset=utf-8";
pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const JSON: &str = "application/json";

/// The body of an answer: complete, an event stream, or a file.
pub(super) type AnswerBody = Either<Full<Bytes>, Either<EventStream, Download>>;

/// The answer to a request without valid credentials.
pub(super) fn unauthorized() -> Response<AnswerBody> {
    let mut response = text(StatusCode::UNAUTHORIZED, "unauthorized\n");
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
    add_security_headers(&mut response);
    response
}

/// The answer to a request for a name that is none of this endpoint's (RFC 9110 §15.5.20).
pub(super) fn misdirected() -> Response<AnswerBody> {
    let mut response = text(
        StatusCode::MISDIRECTED_REQUEST,
        "this name is none of the meter's: web.hosts in its configuration lists them\n",
    );
    add_security_headers(&mut response);
    response
}

/// The answer to a request beyond the rate limit.
pub(super) fn too_many() -> Response<AnswerBody> {
    let mut response = text(StatusCode::TOO_MANY_REQUESTS, "too many requests\n");
    add_security_headers(&mut response);
    response
}

/// Adds the security headers of every answer.
pub(super) fn add_security_headers(response: &mut Response<AnswerBody>) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(page::CONTENT_SECURITY_POLICY),
    );
}

/// A document that was rendered; if that failed, why.
pub(super) fn rendered(body: Result<Bytes, String>, kind: &'static str) -> Response<AnswerBody> {
    match body {
        Ok(body) => whole(body, kind),
        Err(error) => {
            let mut response = text(StatusCode::INTERNAL_SERVER_ERROR, "");
            *response.body_mut() = Either::Left(Full::new(Bytes::from(error + "\n")));
            response
        }
    }
}

/// The answer to a question, as JSON.
pub(super) fn json(document: String) -> Response<AnswerBody> {
    let mut response = whole(Bytes::from(document), JSON);
    add_security_headers(&mut response);
    response
}

/// Why there is no document.
pub(super) fn refusal(status: StatusCode, why: String) -> Response<AnswerBody> {
    let mut response = whole(Bytes::from(why + "\n"), PLAIN);
    *response.status_mut() = status;
    add_security_headers(&mut response);
    response
}

/// A whole body of a media type.
pub(super) fn whole(body: Bytes, kind: &'static str) -> Response<AnswerBody> {
    let mut response = Response::new(Either::Left(Full::new(body)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A line of text.
pub(super) fn text(status: StatusCode, body: &'static str) -> Response<AnswerBody> {
    let mut response = whole(Bytes::from_static(body.as_bytes()), PLAIN);
    *response.status_mut() = status;
    response
}
