//! Maps requests to answers. Read-only: GET and HEAD, no bodies; parameters only where `questions` reads them.

use super::answer::{AnswerBody, HTML, JSON, PLAIN, add_security_headers, rendered, text, whole};
use super::evidence::{EVIDENCE, FileRequest};
use super::live::EventStream;
use super::questions::{self, PendingAnswer};
use super::rendered::{Output, RenderedOutputs};
use crate::export::{collector, json, page};
use crate::units::Asn;
use http_body_util::Either;
use hyper::body::{Body, Bytes};
use hyper::header::{
    ACCEPT_ENCODING, ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue,
    VARY,
};
use hyper::{Method, Request, Response, StatusCode};
use std::sync::{Arc, PoisonError};
use tokio::sync::Semaphore;

/// Prefix of the paths of single ASNs; the number follows.
const ASN: &str = "/api/v1/asns/";

/// The answer to a request.
pub(super) enum Reply {
    /// The answer.
    Ready(Response<AnswerBody>),
    /// A question that waits for its answer.
    Pending(PendingAnswer),
}

/// Answers a request for a file of the ledger with the headers of every answer.
pub(super) async fn answer_file(
    file: FileRequest,
    shown: &RenderedOutputs,
    client: &Arc<Semaphore>,
) -> Response<AnswerBody> {
    let mut response = file.answer(shown, client).await;
    add_security_headers(&mut response);
    response
}

/// Answers a request. `listeners` are the permits for further event streams of its client.
pub(super) fn answer<B: Body>(
    request: &Request<B>,
    shown: &Arc<RenderedOutputs>,
    listeners: &Arc<Semaphore>,
) -> Reply {
    let path = request.uri().path();
    let mut response = match path {
        _ if !request.body().is_end_stream() => {
            // The body is not read, so the connection cannot be used further.
            let mut response = text(StatusCode::PAYLOAD_TOO_LARGE, "no request body is read\n");
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
        _ if is_path(path) && !matches!(*request.method(), Method::GET | Method::HEAD) => {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
        questions::HISTORY | questions::STREAMS => {
            return Reply::Pending(questions::ask(path, request.uri().query(), shown));
        }
        "/" => whole(Bytes::from_static(page::PAGE.as_bytes()), HTML),
        "/docs/runbook" => whole(Bytes::from_static(page::RUNBOOK.as_bytes()), HTML),
        "/metrics" => output(request, shown, Output::Metrics, collector::TEXT_FORMAT),
        "/api/v1/asns" => output(request, shown, Output::Json, JSON),
        "/api/v1/live" => live(shown, listeners),
        "/evidence/checkpoint" => checkpoint(shown),
        "/-/healthy" => text(StatusCode::OK, "healthy\n"),
        "/-/ready" if shown.is_ready() => text(StatusCode::OK, "ready\n"),
        "/-/ready" => text(
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: no second judged yet, or an ASN source is not loaded\n",
        ),
        _ => one_asn(path, shown),
    };
    add_security_headers(&mut response);
    Reply::Ready(response)
}

/// Whether a request asks, and has no body.
pub(super) fn is_plain_get<B: Body>(request: &Request<B>) -> bool {
    let asks = matches!(*request.method(), Method::GET | Method::HEAD);
    asks && request.body().is_end_stream()
}

fn is_path(path: &str) -> bool {
    const PATHS: [&str; 10] = [
        "/",
        "/docs/runbook",
        questions::HISTORY,
        questions::STREAMS,
        "/metrics",
        "/api/v1/asns",
        "/api/v1/live",
        "/evidence/checkpoint",
        "/-/healthy",
        "/-/ready",
    ];
    PATHS.contains(&path) || path.starts_with(ASN) || path.starts_with(EVIDENCE)
}

/// The event stream of the page.
fn live(shown: &Arc<RenderedOutputs>, listeners: &Arc<Semaphore>) -> Response<AnswerBody> {
    let Some(live) = EventStream::new(shown, listeners) else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "too many listeners\n");
    };
    let mut response = Response::new(Either::Right(Either::Left(live)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

/// The last checkpoint of the ledger, for whoever keeps it elsewhere.
fn checkpoint(shown: &RenderedOutputs) -> Response<AnswerBody> {
    let evidence = shown.published.borrow().evidence.clone();
    let Some(evidence) = evidence else {
        return text(StatusCode::NOT_FOUND, "no ledger is kept\n");
    };
    let note = evidence.checkpoint.lock();
    let note = note.unwrap_or_else(PoisonError::into_inner).clone();
    if note.is_empty() {
        return text(StatusCode::NOT_FOUND, "no minute is sealed yet\n");
    }
    whole(Bytes::copy_from_slice(note.as_bytes()), PLAIN)
}

/// The details of one ASN.
fn one_asn(path: &str, shown: &RenderedOutputs) -> Response<AnswerBody> {
    let number = path.strip_prefix(ASN).and_then(|text| text.parse().ok());
    let published = shown.published.borrow().clone();
    match number.and_then(|number| json::page::detail(&published, Asn(number))) {
        Some(document) => rendered(document.map(Bytes::from).map_err(|e| e.to_string()), JSON),
        None => text(StatusCode::NOT_FOUND, "not found\n"),
    }
}

fn output<B>(
    request: &Request<B>,
    shown: &RenderedOutputs,
    which: Output,
    kind: &'static str,
) -> Response<AnswerBody> {
    let is_packed = accepts_gzip(request.headers());
    let body = shown.render(which, is_packed);
    let is_packed = is_packed && body.is_ok();
    let mut response = rendered(body, kind);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if is_packed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Whether an answer may be packed with gzip (RFC 9110 §12.5.3): by its name or by `*`, with a weight
/// above 0.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(ACCEPT_ENCODING).into_iter();
    let text = fields.filter_map(|field| field.to_str().ok());
    let (mut named, mut any) = (None, None);
    for coding in text.flat_map(|text| text.split(',')) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let mut weights = parts.filter_map(|part| {
            let (key, weight) = part.split_once('=')?;
            key.trim().eq_ignore_ascii_case("q").then(|| weight.trim())
        });
        let weight = weights
            .next()
            .map_or(Some(1.0), |weight| weight.parse().ok());
        let is_wanted = weight.is_some_and(|weight: f32| weight > 0.0);
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            named = Some(is_wanted);
        } else if name == "*" {
            any = Some(is_wanted);
        }
    }
    named.or(any).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_who_accepts_it() {
        for (accepted, is_packed) in [
            (&["gzip"][..], true),
            (&["deflate, GZIP;q=0.5, br"], true),
            (&["deflate", "gzip"], true),
            (&["*"], true),
            (&["*;q=0.1, gzip;q=0"], false),
            (&["gzip; q=0.000"], false),
            (&["gzip;q=x"], false),
            (&["identity"], false),
            (&["*;q=0"], false),
            (&[""], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for field in accepted {
                headers.append(ACCEPT_ENCODING, HeaderValue::from_static(field));
            }
            assert_eq!(accepts_gzip(&headers), is_packed, "{accepted:?}");
        }
    }
}
