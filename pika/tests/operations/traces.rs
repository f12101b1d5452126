//! What a collector gets: one trace of a message, from the door over the log to the store and back to the socket, across processes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Json, State};
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Dj, Nats, Pika, Role, Socket, track, until};

#[derive(Clone, Debug)]
struct Span {
    service: String,
    name: String,
    id: String,
    /// What it follows and is linked to.
    after: Vec<String>,
    /// As it came, to search in.
    text: String,
}

/// A collector of OTLP over HTTP, in JSON.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

impl Collector {
    /// Gives itself and its address.
    async fn start() -> (Collector, String) {
        let collector = Collector::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (collector, url)
    }

    fn spans(&self) -> Vec<Span> {
        self.0.lock().clone()
    }

    /// The ways that spans came, by the names of what they followed or were linked to, with their services.
    fn ways(&self) -> BTreeSet<String> {
        let spans: HashMap<_, _> = self.0.lock().iter().map(|span| (span.id.clone(), span.clone())).collect();
        spans.values().flat_map(|span| up(&spans, span)).collect()
    }

    /// Waits until some span came this way.
    async fn has(&self, way: &[&str]) {
        let way = way.join(" → ");
        let came = until("a trace", async || self.ways().contains(&way).then_some(()));
        if timeout(Duration::from_secs(15), came).await.is_err() {
            panic!("{way} is not among {:#?}", self.ways());
        }
    }
}

fn up(spans: &HashMap<String, Span>, span: &Span) -> Vec<String> {
    let name = format!("{} {}", span.service, span.name);
    let ways: Vec<_> = span.after.iter().filter_map(|id| spans.get(id)).flat_map(|before| up(spans, before)).collect();
    if ways.is_empty() { vec![name] } else { ways.iter().map(|way| format!("{way} → {name}")).collect() }
}

async fn take(State(collector): State<Collector>, Json(body): Json<Value>) -> Json<Value> {
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for resource in list(&body, "resourceSpans") {
        let attributes = list(&resource["resource"], "attributes");
        let service = attributes.iter().find(|one| one["key"] == "service.name").map(|one| text(&one["value"]["stringValue"]));
        for span in list(&resource, "scopeSpans").iter().flat_map(|scope| list(scope, "spans")) {
            collector.0.lock().push(Span {
                service: service.clone().unwrap_or_default(),
                name: text(&span["name"]),
                id: text(&span["spanId"]),
                after: [text(&span["parentSpanId"])]
                    .into_iter()
                    .chain(list(&span, "links").iter().map(|link| text(&link["spanId"])))
                    .collect(),
                text: span.to_string(),
            });
        }
    }
    Json(json!({}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_from_the_door_over_the_log_to_the_store_and_back_to_the_socket() {
    let (collector, url) = Collector::start().await;
    let (nats, data) = (Nats::start().await, Arc::new(tempfile::tempdir().unwrap()));
    let settings = [("PIKA_TRACES_URL", url.as_str()), ("PIKA_TRACES_RATIO", "1.0")];
    let workers = Pika::role(Role::Workers, &nats, &data, &settings).await;
    let (ingest, fanout) =
        tokio::join!(Pika::role(Role::Ingest, &nats, &data, &settings), Pika::role(Role::Fanout, &nats, &data, &settings));
    for part in [&workers, &ingest, &fanout] {
        part.ready().await;
    }
    let mut dj = Dj::live(&ingest).await;
    let mut dancer = Socket::open(&fanout).await;
    dancer.subscribe(&dj.session).await;
    dancer.attend(dj.play("Traced")).await;
    dancer.hear("NOW_PLAYING").await;
    dancer.attend(dj.open_poll(None)).await;
    let poll = dancer.hear("POLL_STARTED").await;
    let vote = json!({"type": "VOTE_ON_POLL", "pollId": poll["pollId"], "optionIndex": 0, "clientId": "somebody"});
    dancer.ask_ok(vote).await;
    dancer.ask_ok(json!({"type": "SEND_LIKE", "payload": {"track": track("Traced")}})).await;
    dancer.hear("VOTE_CONFIRMED").await;
    // A fact: over HTTP to the log, from there to the sockets and to the store.
    let fact = ["pika-ingest request", "pika-ingest ingest.accept"];
    let with = |way: &[&'static str], more: &[&'static str]| [way, more].concat();
    dancer.attend(collector.has(&with(&fact, &["pika-fanout fanout.send"]))).await;
    let saved = ["pika-workers workers.flush", "pika-workers store.save"];
    dancer.attend(collector.has(&with(&fact, &saved))).await;
    // A vote: by a socket to the log, from there to the store, and its verdict to the voter's socket.
    let claim = ["pika-fanout ingest.accept"];
    dancer.attend(collector.has(&with(&claim, &saved))).await;
    dancer.attend(collector.has(&with(&claim, &["pika-workers workers.flush", "pika-fanout fanout.verdicts"]))).await;
    dancer.attend(collector.has(&with(&claim, &["pika-workers workers.flush", "pika-fanout fanout.applause"]))).await;
    // What came of it.
    dancer.ask(json!({"type": "SEND_LIKE", "payload": {"track": track("Never played")}})).await;
    for words in [["SEND_LIKE", "track_not_found"], ["http.response.status_code", r#""intValue":"200""#]] {
        let said = |span: &Span| words.iter().all(|word| span.text.contains(word));
        dancer.attend(until("a span that says it", async || collector.spans().iter().any(said).then_some(()))).await;
    }
    for span in collector.spans() {
        let told = [dj.session.as_str(), dj.owner_token.as_str(), "Traced", "somebody"].into_iter().find(|word| span.text.contains(word));
        assert_eq!(told, None, "{}", span.text);
    }
}

#[tokio::test]
async fn a_collector_that_is_away_and_a_share_that_is_none_change_nothing() {
    let nowhere = [("PIKA_TRACES_URL", "http://127.0.0.1:9/v1/traces"), ("PIKA_TRACES_RATIO", "1.0")];
    let mut pika = Pika::dev_with(&nowhere).await;
    pika.ready().await;
    let mut dj = Dj::live(&pika).await;
    dj.play("Untraced").await;
    assert!(pika.terminate().await, "it leaves all the same");

    let (collector, url) = Collector::start().await;
    let mut pika = Pika::dev_with(&[("PIKA_TRACES_URL", url.as_str()), ("PIKA_TRACES_RATIO", "0.0")]).await;
    pika.ready().await;
    Dj::live(&pika).await.play("Untraced").await;
    assert!(pika.terminate().await);
    assert_eq!(collector.spans().len(), 0);
}
