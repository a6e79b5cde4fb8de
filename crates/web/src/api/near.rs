//! The interface answers on this machine and on the networks next to it, and nowhere else unless that is said aloud.

use super::outcome::Refusal;
use super::reply::Reply;
use super::respond;
use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use sanad_node::near::is_near;
use std::net::IpAddr;

/// The two ends of the connection that a request came by. Whoever accepts connections puts it into the request's
/// extensions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ends {
    /// The address of this machine that was called.
    pub local: IpAddr,
    /// The address of whoever called.
    pub peer: IpAddr,
}

/// The same interface, which refuses whoever comes by a public address. One of which the ends are not known is refused too.
pub fn near_only(router: Router) -> Router {
    router.layer(from_fn(guard))
}

async fn guard(request: Request, next: Next) -> Response {
    let ends = request.extensions().get::<Ends>();
    if ends.is_some_and(|ends| is_near(ends.local) && is_near(ends.peer)) {
        return next.run(request).await;
    }
    let refusal = Refusal::new(
        403,
        "security",
        "This site answers FHIR on its own network only. Come by an address of that network, or have whoever runs the site \
         serve it with --allow-public-address.",
    );
    respond(Reply::refused(&refusal), request.method() == Method::HEAD)
}
