//! `Search.php`: opens the record that a number belongs to.

use axum::Router;

use crate::http::Web;

pub(super) fn router() -> Router<Web> {
    Router::new()
}
