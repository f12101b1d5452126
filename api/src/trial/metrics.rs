use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;
use crate::perimeter::perimeter;

#[test]
fn requests_are_counted_once_and_by_route() {
    let recorder = PrometheusBuilder::new().build_recorder();
    ::metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            // As the executable does it: the perimeter once more round the whole.
            let app = perimeter(world.app.clone(), &Config::default());
            for (method, path) in [
                (Method::GET, "/api/sessions/friday-night/history"),
                (Method::GET, "/api/sessions/thursday-night/history"),
                (Method::POST, "/health"),
                (Method::GET, "/api/nothing"),
                ("INVENTED".parse().unwrap(), "/api/nothing-either"),
            ] {
                answer(&app, request(method, path).body(Body::empty()).unwrap()).await;
            }
        });
    });
    let said = recorder.handle().render();
    for line in [
        r#"pika_http_requests_total{route="/api/sessions/{id}/history",method="GET",status="200"} 2"#,
        r#"pika_http_requests_total{route="/health",method="POST",status="405"} 1"#,
        r#"pika_http_requests_total{route="unmatched",method="GET",status="404"} 1"#,
        r#"pika_http_requests_total{route="unmatched",method="other",status="404"} 1"#,
    ] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    assert!(said.contains("pika_http_request_seconds_count{route=\"/api/sessions/{id}/history\",method=\"GET\"} 2"), "{said}");
    assert!(!said.contains("friday"), "an id became a label");
}
