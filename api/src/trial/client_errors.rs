//! What pages tell of themselves when they break.

use axum::body::Body;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;

use super::*;
use crate::limits::{Rate, Rates};

fn report(body: Value) -> Request<Body> {
    let request = request(Method::POST, "/api/client-errors").header("x-pika-client", "pika-web");
    request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
}

fn plain() -> Value {
    json!({"kind": "error", "message": "TypeError: x is undefined", "page": "live", "place": "assets/index-1a2b.js:1:2345"})
}

#[test]
fn what_broke_is_counted_by_kind_and_by_nothing_that_grows() {
    let recorder = PrometheusBuilder::new().build_recorder();
    ::metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            for body in [plain(), plain(), json!({"kind": "render", "message": "ada@example.org"})] {
                let answer = world.send(report(body)).await;
                assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
            }
        });
    });
    let said = recorder.handle().render();
    for line in [r#"pika_client_errors_total{kind="error"} 2"#, r#"pika_client_errors_total{kind="render"} 1"#] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    assert!(!said.contains("ada") && !said.contains("assets/"), "{said}");
}

#[tokio::test]
async fn a_report_that_is_none_is_refused() {
    let world = World::new();
    for body in [json!({}), json!({"kind": "other", "message": "x"}), json!([]), json!({"kind": "error", "message": 1})] {
        assert_eq!(world.send(report(body.clone())).await.failure(), (400, "invalid_message".to_owned()), "{body}");
    }
    let large = json!({"kind": "error", "message": "x".repeat(5_000)});
    assert_eq!(world.send(report(large)).await.failure(), (413, "too_large".to_owned()));
    let foreign = request(Method::POST, "/api/client-errors").header(header::CONTENT_TYPE, "application/json");
    let foreign = foreign.body(Body::from(plain().to_string())).unwrap();
    assert_eq!(world.send(foreign).await.failure(), (403, "forbidden".to_owned()), "a page of another origin has nothing to report");
}

#[tokio::test]
async fn whoever_reports_without_end_is_told_to_stop_and_the_log_has_an_end_of_its_own() {
    let rates = Rates { client_errors: Rate::per_minutes(3, 1), client_error_lines: Rate::per_minutes(1, 1), ..Rates::default() };
    let world = World::with(Config { rates, ..Config::default() });
    let from = async |address: [u8; 4]| {
        let mut asked = report(plain());
        asked.extensions_mut().insert(std::net::IpAddr::from(address));
        world.send(asked).await.status.as_u16()
    };
    for _ in 0..3 {
        assert_eq!(from([198, 51, 100, 1]).await, 204);
    }
    assert_eq!(from([198, 51, 100, 1]).await, 429);
    assert_eq!(from([198, 51, 100, 2]).await, 204, "what is not written down is taken all the same");
}
