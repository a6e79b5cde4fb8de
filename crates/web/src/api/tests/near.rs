//! Who is answered, by where they come from.

use super::Clinic;
use crate::Client;
use crate::api::{Ends, Validation, near_only, router};
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_by_a_public_address_is_refused() {
    let clinic = Clinic::new().await;
    let router = near_only(router(clinic.site.clone(), vec![], Validation::Warn));
    let ends = |local: &str, peer: &str| Some(Ends { local: local.parse().unwrap(), peer: peer.parse().unwrap() });
    for (ends, path, status) in [
        (ends("127.0.0.1", "127.0.0.1"), "/fhir/Patient", 200),
        (ends("192.168.2.10", "192.168.2.44"), "/fhir/Patient", 200),
        (ends("::ffff:10.0.0.1", "fd00::7"), "/fhir/metadata", 200),
        (ends("203.0.113.9", "192.168.2.44"), "/fhir/Patient", 403),
        (ends("192.168.2.10", "203.0.113.9"), "/fhir/Patient", 403),
        (ends("2001:db8::1", "2001:db8::2"), "/fhir/metadata", 403),
        (None, "/fhir/Patient", 403),
    ] {
        let request = Request::builder().uri(path).header("host", "localhost");
        let mut request =
            request.header("authorization", format!("Bearer {}", clinic.token)).body(Body::empty()).unwrap();
        request.extensions_mut().insert(Client { address: [127, 0, 0, 1].into(), tls: false });
        request.extensions_mut().extend(
            ends.map(|ends| {
                let mut extensions = axum::http::Extensions::new();
                extensions.insert(ends);
                extensions
            })
            .unwrap_or_default(),
        );
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{ends:?}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["resourceType"] == "OperationOutcome", status == 403);
    }
}
