//! The join link as a QR code, for the projector and for the DJ's table.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use schemas::Code;
use schemas::error::ErrorBody;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::join::code_of;

/// Pixels; an SVG scales, this only keeps its natural size legible.
const SIDE: u32 = 240;

/// A QR code of the join link.
///
/// It holds whatever the code, whether a session has it or not, so that a projector can show it before the DJ begins.
#[utoipa::path(get, path = "/qr/{file}", tag = "pages", params(("file" = String, Path, description = "A join code and `.svg`, as in `K7WQ2M.svg`")), responses(
    (status = 200, description = "Black on white, with its quiet zone", body = String, content_type = "image/svg+xml"),
    (status = 404, description = "Not a join code, or not `.svg`", body = ErrorBody)))]
pub(crate) async fn svg(State(desk): State<Arc<Desk>>, Path(file): Path<String>) -> Result<Response, Failure> {
    let code = file.strip_suffix(".svg").and_then(code_of).ok_or(Code::NotFound)?;
    // Scanned across a dark room from a moving hand: a quarter of it may be unreadable.
    let qr = QrCode::with_error_correction_level(desk.config.join_url(&code), EcLevel::Q).map_err(|error| {
        tracing::error!(error = %error, "the public address is too long for a QR code");
        Code::Internal
    })?;
    let image = qr.render::<svg::Color>().min_dimensions(SIDE, SIDE).build();
    Ok(([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=3600")], image).into_response())
}
